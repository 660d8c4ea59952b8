# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Sourced by bench-boot and by the regression gate: boots of the demonstration system that count
# instructions, and the C floor to compare them with.
#
# In the directory $work: NAME.out is what a boot printed, disk.qcow2 the disk, xchg/ the share with
# stage 2 (mark). QEMU is started through ./qemu, which says what the BENCH_ variables do.

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=tests/bench/initrds.bash
source "$here/initrds.bash"

# measure_begin WORK CONFIG
measure_begin() {
    work=$1 config=$2
    local kernel program
    kernel=$("$here/../../scripts/fetch-kernel")
    # shellcheck disable=SC2034 # for initrds.bash
    version=$(ls "$kernel/lib/modules") modules=$kernel/lib/modules/$version
    # shellcheck disable=SC2034 # for bench-boot
    bzimage=$(echo "$kernel"/vmlinuz-*)
    PATH=$PATH:/usr/sbin:/sbin
    mkdir -p "$work"/{bin,xchg,qemu}
    for program in mark floor; do
        musl-gcc -static -Os -std=gnu17 -D_GNU_SOURCE -Wall -o "$work/$program" "$here/$program.c"
        strip "$work/$program"
    done
    cp "$work/mark" "$work/xchg/mark"
    ln -sfn "$here/qemu" "$work/bin/qemu-system-x86_64"
    BENCH_QEMU=$(command -v qemu-system-x86_64)
    export BENCH_QEMU BENCH_MARK=$work/mark BENCH_WORK=$work/qemu
}

# boot NAME [run-vm's arguments]: the bench's stage 2 ends it. $PARAMS: more kernel parameters.
boot() {
    local name=$1
    shift
    if ! TMPDIR=$work USE_TMPDIR=1 NIX_DISK_IMAGE=${disk:-$work/disk.qcow2} PATH=$work/bin:$PATH \
        QEMU_KERNEL_PARAMS="init=/tmp/xchg/mark ${PARAMS:-}" \
        timeout --kill-after=10 300 "${RUN_VM_PROGRAM:-$here/../../build/run-vm}" --accel tcg --config "$config" "$@" \
        </dev/null >"$work/$name.raw" 2>&1; then
        echo "bench: boot $name failed" >&2
    fi
    tr -d '\r' <"$work/$name.raw" >"$work/$name.out"
    cp "$work/qemu/initrd.size" "$work/$name.initrd"
    if ! grep -aq 'bench: end' "$work/$name.out"; then
        tail -n 30 "$work/$name.out" >&2
        return 1
    fi
}

# counted NAME [run-vm's arguments]: the same under -icount.
counted() {
    BENCH_ICOUNT=1 boot "$@"
}

# figure NAME WHAT: of a boot that was counted. In millions of instructions, without idling:
#   init    from the start of /init to stage 2
#   kernel  from the kernel's start to stage 2
#   total   from the machine's start to stage 2: firmware and decompression as well
# and `before`, from the machine's start to /init; `idle`, milliseconds idled; `memory`, KiB used;
# `initrd`, bytes.
figure() {
    case $2 in
    memory) sed -n 's/^.*bench: memory //p' "$work/$1.out" | awk '/^MemTotal/ { t = $2 } /^MemFree/ { print t - $2 }' ;;
    initrd) cat "$work/$1.initrd" ;;
    *)
        grep -ao 'bench: st[a-z0-9]* counter .*' "$work/$1.out" | awk -v what="$2" '
            $2 == "start" { from = $10; idle = $6; begin = $4 }
            $2 == "stage2" {
                value["init"] = $4 - from - ($6 - idle)
                value["kernel"] = $8 - $6
                value["total"] = $4 - $6
                value["before"] = begin - idle
                value["idle"] = $6 - idle
                printf "%.1f\n", value[what] / 1e6
            }'
        ;;
    esac
}

# modules_of NAME [DIRECTORY]: the files of the modules that a boot loaded, in that order.
modules_of() {
    local name
    sed -n 's/^.*bench: module \([^ ]*\).*/\1/p' "$work/$1.out" | tac | while read -r name; do
        find "${2:-$modules}" -name "${name//[_-]/[_-]}.ko"
    done
}

# standard_boots: the disk is formatted by `blank`; `standard` is the standard boot; `c-floor` the
# least with the modules that it loaded.
standard_boots() {
    rm -f "$work/disk.qcow2"
    counted blank
    counted standard
    local -a files
    mapfile -t files < <(modules_of standard)
    floor_initrd "$work/c-floor.img" "${files[@]}"
    BENCH_INITRD=$work/c-floor.img counted c-floor
}
