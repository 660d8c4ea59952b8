# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # what measure_begin sets
# Sourced by bench-boot: wall time from start to stage 2.

# seconds_to_stage2 COMMAND...: prints the wall time from the command's start to stage 2.
seconds_to_stage2() {
    local start=$EPOCHREALTIME line
    while IFS= read -r line; do
        if [[ $line == *"bench: stage2 "* ]]; then
            calculate %.3f "$EPOCHREALTIME - $start"
            break
        fi
    done < <(TMPDIR=$work USE_TMPDIR=1 NIX_DISK_IMAGE=$work/disk.qcow2 \
        QEMU_KERNEL_PARAMS="init=/tmp/xchg/mark" timeout 300 "$@" </dev/null 2>&1)
}

wall() {
    local runs=$1 i ours script
    write_script "$work/script" qemu-system-x86_64 qemu-img "$work/shell.img"
    for ((i = 0; i < runs; i++)); do
        seconds_to_stage2 "$RUN_VM_PROGRAM" --accel tcg --config "$config" >>"$work/wall-ours"
        echo >>"$work/wall-ours"
        seconds_to_stage2 "$work/script" >>"$work/wall-script"
        echo >>"$work/wall-script"
    done
    ours=$(sort -n "$work/wall-ours" | sed -n "$(((runs + 1) / 2))p")
    script=$(sort -n "$work/wall-script" | sed -n "$(((runs + 1) / 2))p")
    row "wall time from start to stage 2, seconds, TCG: run-vm, script" "$ours, $script = $(calculate %.2f "$ours/$script")" \
        "at most 0.45" "$ours > 0 && $ours <= 0.45 * $script"
}

