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

# four_cores RUNS: the shortest time, by the kernel's log, in which it starts the second to the fourth core,
# with run-vm's processor and with one that does not know the host's counter. -icount runs one core only.
four_cores() {
    local runs=$1 i ours apart
    for ((i = 0; i < runs; i++)); do
        PARAMS=loglevel=7 boot cores -o virtualisation.cores=4
        starting_cores cores >>"$work/cores-ours"
        PARAMS=loglevel=7 BENCH_CPU=max,erms=off,fsrm=off boot cores-apart -o virtualisation.cores=4
        starting_cores cores-apart >>"$work/cores-without"
    done
    ours=$(sort -n "$work/cores-ours" | head -n 1)
    apart=$(sort -n "$work/cores-without" | head -n 1)
    row "four cores: start of three of them, ms: run-vm, without an invariant counter" "$ours, $apart" \
        "at most 0.75" "$ours > 0 && $ours <= 0.75 * $apart"
}

# starting_cores NAME: prints the milliseconds between the kernel's two messages about it.
starting_cores() {
    sed -n 's/^\[ *\([0-9.]*\)\] smp: Br.*/\1/p' "$work/$1.out" | paste -s |
        awk '{ printf "%d\n", ($2 - $1) * 1000 }'
}
