#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # $stderr
# --boot-chart: where the time of a boot goes, as data and as a picture.

load harness

setup_file() {
    export NIX_DISK_IMAGE=$BATS_FILE_TMPDIR/disk.qcow2
    cd "$BATS_FILE_TMPDIR" || return
    date +%s%6N >begun
    boot whole --boot-chart "$BATS_FILE_TMPDIR/whole.svg" --boot-chart-initcalls <<<true
    date +%s%6N >ended
    PARAMS="root=/dev/vdx vm.device-timeout=1" boot_as_is failed --boot-chart "$BATS_FILE_TMPDIR/failed.svg"
}

# bars FILE FILTER: prints what jq makes of each bar that the filter passes.
bars() {
    jq -r ".bars[] | $2" "$BATS_FILE_TMPDIR/$1.json"
}

# well_formed FILE: it is XML, every drawing with a text on it has a title, and no text is outside.
well_formed() {
    python3 - "$1" <<'PYTHON'
import sys
import xml.etree.ElementTree as tree
svg = "{http://www.w3.org/2000/svg}"
root = tree.parse(sys.argv[1]).getroot()
groups = root.findall(f"{svg}g")
assert len(groups) > 10 and all(group[0].tag == f"{svg}title" and group[0].text for group in groups)
bottom = float(root.get("height"))
for text in root.iter(f"{svg}text"):
    assert text.text and 0 <= float(text.get("x")) <= 1200 and 0 < float(text.get("y")) < bottom, text.text
PYTHON
}

@test "every step from run-vm's beginning to stage 2 is in the data" {
    worked whole
    local steps
    steps=$(bars whole 'select(.parent == null) | .name')
    {
        printf '%s\n' configuration plan preparation helpers 'start of QEMU' 'firmware, unpacking the kernel' \
            'kernel up to /init'
        sed -n '/^} steps\[\]/,/^};/s/^    {"\([^"]*\)".*/\1/p' "$BATS_TEST_DIRNAME/../../init/main.c"
    } | diff - <(echo "$steps")
    grep -qx 'stage 2' <<<"$steps"
    bars whole 'select(.group == "init") | .name' >"$BATS_TEST_TMPDIR/init"
    says "$BATS_TEST_TMPDIR/init" '^module ext4$'
    says "$BATS_TEST_TMPDIR/init" '^mount /nix/store$'
    bars whole 'select(.group == "kernel" and .note == "initcall") | .name' >"$BATS_TEST_TMPDIR/initcalls"
    says "$BATS_TEST_TMPDIR/initcalls" '^acpi_init$'
    bars whole 'select(.name == "initrd") | .note' >"$BATS_TEST_TMPDIR/initrd"
    says "$BATS_TEST_TMPDIR/initrd" 'cache'
}

@test "the bars are in order, within their parents, and the path is as long as the boot" {
    jq -e '
        . as $chart | .bars as $bars
        | [$bars[] | select(.parent == null)] as $steps
        | ([range(1; $steps | length) | $steps[.].begin >= $steps[. - 1].end - 1] | all)
        and ([$bars[] | .begin <= .end and .end <= $chart.total] | all)
        and ([$bars[] | select(.parent != null) | . as $part | $bars[.parent]
              | .begin <= $part.begin and $part.end <= .end + ([$chart.total / 100, 50000] | max)] | all)
        and ([$bars[].waited] | add | . > 0.98 * $chart.total and . <= $chart.total)
        and .result == "started" and .reason == null' "$BATS_FILE_TMPDIR/whole.json"
    local wall
    wall=$(($(<"$BATS_FILE_TMPDIR/ended") - $(<"$BATS_FILE_TMPDIR/begun")))
    jq -e --argjson wall "$wall" '.total > 0 and .total < $wall' "$BATS_FILE_TMPDIR/whole.json"
}

@test "the picture is well-formed, needs nothing else, and names each bar that it shows" {
    local svg=$BATS_FILE_TMPDIR/whole.svg
    well_formed "$svg"
    run ! grep -E '<script|<image|href=|url\(|@import' "$svg"
    says "$svg" '^@media screen and \(prefers-color-scheme:dark\)'
    says "$svg" 'init: modules'
    says "$svg" 'the end waited for it'
    # the picture made from the data is the same
    cp "$BATS_FILE_TMPDIR/whole.json" "$BATS_TEST_TMPDIR/copy.json"
    "$RUN_VM_PROGRAM" chart "$BATS_TEST_TMPDIR/copy.json" "$BATS_TEST_TMPDIR/copy.svg"
    cmp "$svg" "$BATS_TEST_TMPDIR/copy.svg"
}

@test "the chart of a failed boot ends where it failed, says why, and what was waited for" {
    [ "$(cat "$BATS_FILE_TMPDIR/failed/status")" = 70 ]
    jq -e '.result == "failed" and (.reason | test("/dev/vdx"))
        and (.bars[-1] | .name == "wait /dev/vdx" and .end - .begin > 900000)' "$BATS_FILE_TMPDIR/failed.json"
    well_formed "$BATS_FILE_TMPDIR/failed.svg"
    says "$BATS_FILE_TMPDIR/failed.svg" 'failed after'
}

@test "a command's boot has a chart up to the command" {
    cd "$BATS_TEST_TMPDIR" || return
    local file
    for file in exec.png /nonexistent/exec.svg; do
        run ! "$RUN_VM_PROGRAM" --config "$DEMO_CONFIG" --boot-chart "$file" --exec true
        [[ $output == *"--boot-chart: $file: "* ]]
    done
    run --separate-stderr timeout "$TIME_LIMIT" "$RUN_VM_PROGRAM" --config "$DEMO_CONFIG" \
        --boot-chart exec.json --exec /bin/sh -c 'exit 3' </dev/null
    [ "$status" = 3 ]
    [ ! -e exec.svg ]
    [[ $stderr == *"the chart of the boot is in exec.json"* ]]
    jq -e '.result == "started" and .bars[-1].name == "stage 2"' exec.json
}
