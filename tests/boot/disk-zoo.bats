#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The disk zoo's images in real boots, each with x-systemd.makefs: none is formatted, those that can be
# mounted are, and the console names the format of the others. tests/host/disk-zoo checks images in
# decay, with the same code but without a kernel.

load guest

# The number of disks of one boot.
BATCH=20

letters=({a..z})

setup_file() {
    kernel
    tree "$BATS_FILE_TMPDIR/tree" <<'END'
while read -r what where type options _; do
    echo "mount $where $type $what $options"
done </proc/mounts
for place in /mnt/*; do
    echo "content $place $(cat $place/kept $place/file 2>/dev/null | head -n 1)"
    echo "written before" >$place/kept
    umount $place
done 2>/dev/null
END
    export INITRD=$BATS_FILE_TMPDIR/initrd IMAGES=$BATS_FILE_TMPDIR/images
    # the zoo's filesystems that this kernel has
    local name modules=()
    for name in xfs btrfs f2fs vfat exfat ntfs3 jfs reiserfs nilfs2 udf isofs squashfs erofs cramfs minix bfs romfs \
        hfs gfs2 nls_ascii nls_cp437 nls_iso8859-1 nls_utf8; do
        # shellcheck disable=SC2153
        [ -z "$(find "$MODULES" -name "$name.ko*")" ] || modules+=("$name")
    done
    initrd "$INITRD" virtio_pci virtio_blk ext4 9p 9pnet_virtio overlay "${modules[@]}"
    mkdir "$IMAGES"
    "$BATS_TEST_DIRNAME/../host/disk-zoo" "$RUN_VM_TOOLS/blank-probe" ${RUN_VM_LONG:+--full} --images "$IMAGES"
}

# Prints the lines of the list to boot: all of them, or as many as fit one boot.
chosen() {
    if [ -n "${RUN_VM_LONG:-}" ]; then
        cat "$IMAGES/list"
    else # the first lines differ most: those after them are variants of formats
        awk "NR <= $BATCH" "$IMAGES/list"
    fi
}

# boot_batch NAME NUMBER...: boots with the images of these numbers.
boot_batch() {
    local name=$1 parameters="" arguments=() number i=0
    shift
    for number in "$@"; do
        parameters+=" vm.mount=/dev/vd${letters[i++]}:/mnt/$number:auto:x-systemd.makefs,nofail"
        # shellcheck disable=SC2207
        arguments+=($(disk "$IMAGES/$number"))
    done
    TIME_LIMIT=300 MEMORY=384 qemu "$name" "root=tree vm.root.overlay=tmpfs $parameters" "${arguments[@]}"
    reached "$name"
}

# Prints the type that libblkid detects.
type_of() {
    blkid -p -o value -s TYPE "$1" || true
}

# is_content TYPE IMAGE: the filesystem's own tool accepts the image, if it has a read-only check.
is_content() {
    case $1 in
    ext[234]) e2fsck -fn "$2" ;;
    xfs) xfs_repair -n "$2" ;;
    btrfs) btrfs check "$2" ;;
    vfat) fsck.vfat -n "$2" ;;
    f2fs) fsck.f2fs --dry-run "$2" ;;
    exfat) fsck.exfat -n "$2" ;;
    jfs) jfs_fsck -n "$2" ;;
    esac >"$BATS_TEST_TMPDIR/fsck" 2>&1
}

# look NAME NUMBER LETTER FORMAT OUTCOME: checks the boot's effect on an image.
look() {
    local console=$BATS_FILE_TMPDIR/$1.console image=$IMAGES/$2 place="/dev/vd$3 on /mnt/$2" found=${5#*: } same=no
    [ "$(sha256sum <"$image")" = "$(cat "$image.sum")" ] && same=yes
    if grep -q "/dev/vd$3 was blank" "$console"; then
        echo "$4: formatted"
    elif [[ $5 = refused:* ]]; then
        grep -Fq "run-vm: $place is left out (nofail)" "$console" || echo "$4: not refused"
        grep -F "run-vm: $place is left out" "$console" | grep -Fq -- "$found" || echo "$4: $found is not named"
        [ $same = yes ] || echo "$4: changed"
    elif grep -Eq "^mount /mnt/$2 ${found%% *} /dev/vd$3 " "$console"; then
        mounted=$((mounted + 1))
        [ "$(type_of "$image")" = "$(cat "$image.type")" ] || echo "$4: is a $(type_of "$image") now"
        [ $same = yes ] || is_content "${found%% *}" "$image" || { echo "$4: damaged" && cat "$BATS_TEST_TMPDIR/fsck"; }
    else
        grep -F "run-vm: $place is left out" "$console" | grep -Fq -- "${found%% *}" ||
            echo "$4: neither mounted nor ${found%% *} named"
        [ $same = yes ] || echo "$4: changed"
    fi
}

@test "no disk of the zoo is formatted by a boot, and each is mounted or named" {
    local number format outcome numbers=() images=0 mounted=0 batch i name
    while IFS='|' read -r number format outcome; do
        numbers+=("$number")
        sha256sum <"$IMAGES/$number" >"$IMAGES/$number.sum"
        type_of "$IMAGES/$number" >"$IMAGES/$number.type"
    done < <(chosen)
    for ((batch = 0; batch < ${#numbers[@]}; batch += BATCH)); do
        name=zoo-$batch
        boot_batch "$name" "${numbers[@]:batch:BATCH}"
        boot_batch "$name-again" "${numbers[@]:batch:BATCH}"
        for ((i = batch; i < batch + BATCH && i < ${#numbers[@]}; i++)); do
            images=$((images + 1))
            IFS='|' read -r number format outcome < <(grep "^${numbers[i]}|" "$IMAGES/list")
            look "$name" "$number" "${letters[i - batch]}" "$format" "$outcome"
            if grep -q "^mount /mnt/$number [^ ]* [^ ]* rw" "$BATS_FILE_TMPDIR/$name.console"; then
                grep -q "^content /mnt/$number written before" "$BATS_FILE_TMPDIR/$name-again.console" ||
                    echo "$format: what was written is not there at the next boot"
            fi
        done
    done >"$BATS_TEST_TMPDIR/wrong"
    cat "$BATS_TEST_TMPDIR/wrong"
    echo "# disk zoo: $images formats booted twice, $mounted mounted, $(wc -l <"$BATS_TEST_TMPDIR/wrong") failures" >&3
    [ ! -s "$BATS_TEST_TMPDIR/wrong" ]
}

# Disks with data only where a table puts it, far from every offset that a probe reads. The images are
# large: their modification times show that they were not written.
@test "no disk whose data lie anywhere is formatted by a boot" {
    local directory=$BATS_TEST_TMPDIR/layouts number format outcome parameters="" arguments=() i=0
    mkdir "$directory"
    "$BATS_TEST_DIRNAME/../host/disk-zoo" "$RUN_VM_TOOLS/blank-probe" --layouts "$directory"
    # one of each kind, near the beginning of the disk; tests/host/disk-zoo has the rest
    [ -n "${RUN_VM_LONG:-}" ] || sed -i '/Windows 11\|then btrfs\|17 MiB, f2fs\|ChromeOS, kernel\|LVM, ext\|RAID 1.2\|NTFS with\|ext4 with\|payload\|pages of\|before the last/!d' \
        "$directory/list"
    while IFS='|' read -r number format outcome && [ $i -lt 26 ]; do
        parameters+=" vm.mount=/dev/vd${letters[i++]}:/mnt/$number:auto:x-systemd.makefs,nofail"
        # shellcheck disable=SC2207
        arguments+=($(disk "$directory/$number"))
        touch -d @1000000000 "$directory/$number"
    done <"$directory/list"
    TIME_LIMIT=300 MEMORY=384 qemu layouts "root=tree vm.root.overlay=tmpfs vm.blank=abcdefghik $parameters" "${arguments[@]}"
    reached layouts
    i=0
    while IFS='|' read -r number format outcome && [ $i -lt 26 ]; do
        echo "$format"
        told layouts "/dev/vd${letters[i]} on /mnt/$number is left out .*: not formatted, because it is not blank: it holds .*byte [0-9]"
        [ "$(stat -c %Y "$directory/$number")" = 1000000000 ]
        i=$((i + 1))
    done <"$directory/list"
    echo "# disk zoo: $i layouts booted" >&3
}

@test "blank disks of odd sizes and kinds: formatted where that can be, and why not where it cannot" {
    local size parameters="" i=0 arguments=()
    cd "$BATS_TEST_TMPDIR"
    for size in 0 512 1M; do
        truncate -s $size $size
    done
    truncate -s 64M 4k read-only
    # 16 TiB, the largest file on ext4: the host stamps it as blank
    printf 'run-vm: blank but for this line\nabcdefghij' >16T
    truncate -s $(((16 << 40) - (1 << 20))) 16T
    # this one has no stamp
    truncate -s 3G 3G
    for size in 512 1M 16T 4k read-only 3G; do
        parameters+=" vm.mount=/dev/vd${letters[i++]}:/mnt/$size:auto:x-systemd.makefs,nofail"
        arguments+=(-drive "file=$size,format=raw,if=none,id=d$size$([ $size != read-only ] || echo ,readonly=on)"
            -device "virtio-blk-pci,drive=d$size$([ $size != 4k ] || echo ,logical_block_size=4096,physical_block_size=4096)")
    done
    # shellcheck disable=SC2046
    MEMORY=512 TIME_LIMIT=300 qemu odd "root=tree vm.root.overlay=tmpfs $parameters vm.mount=/dev/vdg:/mnt/0:auto:x-systemd.makefs,nofail vm.blank=abcdefghij" \
        "${arguments[@]}" $(disk 0)
    reached odd
    told odd '/dev/vda on /mnt/512 is left out .*: /dev/vda: too small for a filesystem: it has 512 bytes'
    told odd '/dev/vdb was blank'
    told odd '/dev/vdc was blank'
    told odd '/dev/vdd was blank'
    told odd '/dev/vde on /mnt/read-only is left out .*: /dev/vde: holds nothing, but cannot be formatted'
    told odd '/dev/vdf: reading all of it, to be sure that it is blank: [0-9]+ of 3072 MiB'
    told odd '/dev/vdf was blank'
    run ! grep -q '/dev/vd[a-e]: reading all of it' "$BATS_FILE_TMPDIR/odd.console"
    told odd '/dev/vdg on /mnt/0 is left out .*no such block device'
    for size in 1M 16T 4k 3G; do
        told odd "^mount /mnt/$size ext4"
    done
    e2fsck -fn 1M
    e2fsck -fn 4k
    e2fsck -fn 3G
    # checking 16 TiB takes long
    [ -z "${RUN_VM_LONG:-}" ] || e2fsck -fn 16T
    cmp -n $((64 << 20)) read-only /dev/zero
    [ "$(stat -c %s 0)" = 0 ]
}
