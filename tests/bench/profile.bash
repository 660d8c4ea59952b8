# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # what measure_begin and table_begin set
# Sourced by bench-boot: the standard boot's instructions by step, from init's own log.

# profile NAME: prints the table of a boot that was counted with boot.trace. A microsecond is a thousand
# instructions, or idle time while QEMU works.
profile() {
    sed -n 's/^.*run-vm: step "\(.*\)" took \([0-9]*\) us.*$/\2 \1/p' "$work/$1.out" | awk '
        { us = $1; sub(/^[^ ]+ /, ""); name[NR] = $0; time[NR] = us; sum += us }
        END {
            if (!NR) exit 1
            print "| step | M instructions | share |"
            print "|---|---|---|"
            for (i = 1; i <= NR; i++)
                printf "| %s | %.2f | %.1f %% |\n", name[i], time[i] / 1000, 100 * time[i] / sum
            printf "| all | %.2f | |\n", sum / 1000
        }'
}

# profile_section NAME: adds the table of a boot to the report.
profile_section() {
    local steps
    steps=$(profile "$1")
    section <<PROFILE
## Where init spends it: the standard boot by step

By init's own log (\`boot.trace\`) under \`-icount shift=0\`; the log itself and the waits are included.

$steps

## Where the whole boot spends it

| from | to | M instructions |
|---|---|---|
| start of the machine | /init (firmware, the kernel's own start, the initrd) | $(figure standard before) |
| /init | stage 2 | $(figure standard init) |

PROFILE
}

# peers_section: adds a bar chart of the counted boots, by peer, to the report.
peers_section() {
    local name
    for name in standard blank c-floor shell shell-pc unsigned c-floor-unsigned shell-unsigned shell-unsigned-pc \
        debian-list debian-most; do
        [ ! -e "$work/$name.out" ] || echo "$(figure "$name" init) ${peer_names[$name]}"
    done >"$work/peers"
    for name in standard shell-pc debian-list debian-most; do
        [ ! -e "$work/$name.out" ] || echo "$(figure "$name" kernel) ${peer_names[$name]}"
    done >"$work/peers-kernel"
    "$here/bars" "From /init to stage 2" "M instructions" <"$work/peers" >"$RUN_VM_BUILD/bench/peers.svg"
    "$here/bars" "From the kernel's start to stage 2" "M instructions" <"$work/peers-kernel" \
        >"$RUN_VM_BUILD/bench/peers-kernel.svg"
    section <<'PEERS'
## Beside what users have

![From /init to stage 2](peers.svg)

![From the kernel's start to stage 2](peers-kernel.svg)

PEERS
}

declare -A peer_names=([standard]="run-vm" [blank]="run-vm, blank disk" [c-floor]="C floor"
    [shell]="shell stage 1, q35" [shell-pc]="shell stage 1, pc" [unsigned]="run-vm, unsigned modules"
    [c-floor-unsigned]="C floor, unsigned modules" [shell-unsigned]="shell stage 1, unsigned, q35"
    [shell-unsigned-pc]="shell stage 1, unsigned, pc" [debian-list]="initramfs-tools, 3 modules, root only, pc"
    [debian-most]="initramfs-tools, most, root only, pc")
