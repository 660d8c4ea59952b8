# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # what measure_begin and table_begin set
# Sourced by bench-boot: the cost of each part that a first start makes.

# first_start RUNS: medians of alternating starts up to QEMU's, each with one part missing.
first_start() {
    local runs=$1 base=$work/first part what cost
    local -A before=([there]=":" [disk]="rm -f $base/disk.qcow2" [initrd]="rm -rf $base/cache/run-vm/initrd-*"
        [kernel]="rm -rf $base/cache/run-vm/vmlinux-*" [all]="rm -rf $base/cache $base/disk.qcow2")
    mkdir -p "$base/bin" "$base/tmp"
    gcc -O2 -std=gnu17 -D_GNU_SOURCE -Wall -I"$here/../.." -o "$base/bin/qemu-system-x86_64" "$here/hosttime.c"
    ln -s bin/qemu-system-x86_64 "$base/hosttime"
    for part in there disk initrd kernel all; do
        # the shell and rm cost the same in each, `there` included
        cat >"$base/$part" <<START
#!/bin/sh
${before[$part]}
rm -f "$base/nothing"
XDG_CACHE_HOME="$base/cache" NIX_DISK_IMAGE="$base/disk.qcow2" exec "$RUN_VM_PROGRAM" --accel tcg --config "$config"
START
    done
    cat >"$base/qemu-img" <<START
#!/bin/sh
rm -f "$base/other.qcow2"
qemu-img create -q -f qcow2 "$base/other.qcow2" 1024M
exec "$base/bin/qemu-system-x86_64"
START
    cat >"$base/bare" <<START
#!/bin/sh
rm -f "$base/other.qcow2"
exec "$base/bin/qemu-system-x86_64"
START
    chmod +x "$base"/{there,disk,initrd,kernel,all,qemu-img,bare}
    TMPDIR=$base/tmp USE_TMPDIR=1 PATH=$base/bin:$PATH HOSTTIME=$base/stamp "$base/hosttime" "$runs" \
        "$base/all" "$base/there" "$base/disk" "$base/initrd" "$base/kernel" "$base/qemu-img" "$base/bare" \
        2>"$base/err" | sed "s|$base/||" >"$base/out"
    row "first start, microseconds more: qemu-img create by itself" "$(more qemu-img bare)" -
    for part in disk initrd kernel all; do
        cost=$(more "$part" there)
        what="first start, microseconds more: $part to be made"
        case $part in
        disk) row "$what" "$cost" "qemu-img's + 5000" "$cost <= $(more qemu-img bare) + 5000" ;;
        all) row "$what" "$cost" "the longest of the three + 5000" "$cost <= $(longest) + 5000" ;;
        *) row "$what" "$cost" "at most 5000" "$cost <= 5000" ;;
        esac
    done
}

# longest: prints the microseconds of the part that takes the longest.
longest() {
    local part
    for part in disk initrd kernel; do
        more "$part" there
    done | sort -n | tail -n 1
}

# more NAME THAN: prints the microseconds that NAME takes more than THAN.
more() {
    awk -v name="$1" -v than="$2" '$2 == name { a = $1 } $2 == than { b = $1 }
        END { if (a <= 0 || b <= 0) exit 1; print a - b }' "$work/first/out"
}
