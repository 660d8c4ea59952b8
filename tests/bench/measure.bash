# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Sourced by bench-boot and by the regression gate: counts the instructions of boots of the demonstration
# system, and of the C floor, to compare them with.
#
# In the directory $work: NAME.out is the output of a boot, boots/NAME its own files, disk.qcow2 the disk
# that each boot gets a copy of, xchg/ the share with stage 2 (mark). QEMU is started through ./qemu, which
# describes the BENCH_ variables.

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=tests/bench/initrds.bash
source "$here/initrds.bash"

# measure_begin WORK CONFIG: makes the working directory for boots of the configuration.
measure_begin() {
    work=$1 config=$2
    local kernel program
    kernel=$("$here/../../scripts/fetch-kernel")
    # shellcheck disable=SC2034 # for initrds.bash
    version=$(ls "$kernel/lib/modules") modules=$kernel/lib/modules/$version
    # shellcheck disable=SC2034 # for bench-boot
    bzimage=$(echo "$kernel"/vmlinuz-*)
    PATH=$PATH:/usr/sbin:/sbin
    mkdir -p "$work"/{bin,xchg}
    for program in mark floor; do
        musl-gcc -static -Os -std=gnu17 -D_GNU_SOURCE -Wall -o "$work/$program" "$here/$program.c"
        strip "$work/$program"
    done
    cp "$work/mark" "$work/xchg/mark"
    ln -sfn "$here/qemu" "$work/bin/qemu-system-x86_64"
    BENCH_QEMU=$(command -v qemu-system-x86_64)
    export BENCH_QEMU BENCH_MARK=$work/mark
}

# boot NAME [run-vm's arguments]: boots to the bench's stage 2, which powers off. $PARAMS: more kernel
# parameters; $disk: the image to copy instead of $work/disk.qcow2.
boot() {
    local name=$1 own=$work/boots/$1 image=${disk:-$work/disk.qcow2}
    shift
    rm -rf "$own"
    mkdir -p "$own/qemu"
    cp -r "$work/xchg" "$own"
    [ ! -e "$image" ] || cp "$image" "$own/disk.qcow2"
    if ! TMPDIR=$own USE_TMPDIR=1 NIX_DISK_IMAGE=$own/disk.qcow2 PATH=$work/bin:$PATH BENCH_WORK=$own/qemu \
        QEMU_KERNEL_PARAMS="init=/tmp/xchg/mark ${PARAMS:-}" \
        timeout --kill-after=10 300 "${RUN_VM_PROGRAM:-$here/../../build/run-vm}" --accel tcg --config "$config" "$@" \
        </dev/null >"$work/$name.raw" 2>&1; then
        echo "bench: boot $name failed" >&2
    fi
    tr -d '\r' <"$work/$name.raw" >"$work/$name.out"
    if ! grep -aq 'bench: end' "$work/$name.out"; then
        tail -n 30 "$work/$name.out" >&2
        return 1
    fi
}

# counted NAME [run-vm's arguments]: the same, under -icount.
counted() {
    BENCH_ICOUNT=1 boot "$@"
}

# beside COMMAND...: runs the command in parallel with others, one on each processor. `finish` waits for
# all of them, and fails if one failed.
beside() {
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do
        wait -n || true
    done
    { "$@" || touch "$work/failed"; } &
}

finish() {
    wait
    [ ! -e "$work/failed" ]
}

# figure NAME WHAT: prints a figure of a counted boot. In millions of instructions, without idle time:
#   init    from the start of /init to stage 2
#   kernel  from the kernel's start to stage 2
#   total   from the machine's start to stage 2, including firmware and decompression
# and `before`, from the machine's start to /init; `idle`, milliseconds idled; `memory`, KiB used;
# `initrd`, bytes.
figure() {
    case $2 in
    memory) sed -n 's/^.*bench: memory //p' "$work/$1.out" | awk '/^MemTotal/ { t = $2 } /^MemFree/ { print t - $2 }' ;;
    initrd) cat "$work/boots/$1/qemu/initrd.size" ;;
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

# modules_of NAME [DIRECTORY]: prints the files of the modules that a boot loaded, in their order.
modules_of() {
    local name
    sed -n 's/^.*bench: module \([^ ]*\).*/\1/p' "$work/$1.out" | tac | while read -r name; do
        find "${2:-$modules}" -name "${name//[_-]/[_-]}.ko"
    done
}

# first_boots: `blank` formats the disk, `standard` is the standard boot; its disk is the one that later
# boots start with.
first_boots() {
    local name
    rm -f "$work/disk.qcow2"
    for name in blank standard; do
        counted "$name"
        mv "$work/boots/$name/disk.qcow2" "$work/disk.qcow2"
    done
}

# floor_boot NAME BOOT [DIRECTORY]: counts the C floor with the modules that BOOT loaded.
floor_boot() {
    local -a files
    mapfile -t files < <(modules_of "${@:2}")
    floor_initrd "$work/$1.img" "${files[@]}"
    BENCH_INITRD=$work/$1.img counted "$1"
}
