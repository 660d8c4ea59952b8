# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # $stderr
# The regression gate: init's cost in instructions and in time spent waiting.

load harness

# shellcheck source=tests/bench/measure.bash
source "$BATS_TEST_DIRNAME/../bench/measure.bash"

recorded() { # NAME
    sed -n "s/^$1 //p" "$BATS_TEST_DIRNAME/../bench/recorded"
}

# The C floor is measured in the same run, so that a new kernel or QEMU changes both figures.
@test "the standard boot executes no more instructions than recorded, against the least there can be" {
    measure_begin "$BATS_FILE_TMPDIR/bench" "$DEMO_CONFIG"
    first_boots
    floor_boot c-floor standard
    local boot
    for boot in blank standard c-floor; do
        echo "$boot: $(figure "$boot" init) million instructions from /init to stage 2, $(figure "$boot" idle) ms idle"
    done
    # the floor loads the same modules: one more would not show in the ratio
    modules=$(modules_of standard | wc -l)
    echo "standard: $modules modules; recorded: $(recorded modules)"
    [ "$modules" -gt 0 ]
    [ "$modules" -le "$(recorded modules)" ]
    # the guest idles while a busy host's disk is slow, which a second boot need not meet
    for attempt in 1 2 3; do
        idle=$(awk -v a="$(figure standard idle)" -v b="$(figure c-floor idle)" 'BEGIN { print int(a - b) }')
        echo "idle: $idle ms more than the C floor; recorded: $(recorded idle)"
        [ "$idle" -gt "$(recorded idle)" ] && [ "$attempt" -lt 3 ] || break
        counted standard
        floor_boot c-floor standard
    done
    [ "$idle" -le "$(recorded idle)" ]
    grep -v -e '^#' -e ^modules -e ^idle -e ^start "$BATS_TEST_DIRNAME/../bench/recorded" | while read -r name recorded; do
        ratio=$(awk -v a="$(figure "$name" init)" -v b="$(figure c-floor init)" 'BEGIN { printf "%.4f", a / b }')
        echo "$name: $ratio of the C floor; recorded: $recorded"
        awk -v now="$ratio" -v recorded="$recorded" 'BEGIN { exit !(now > 0 && now <= recorded * 1.05) }'
    done
}
