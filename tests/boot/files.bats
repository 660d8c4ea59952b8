#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The disks and directories after one boot that formats four blank disks, the root among them, and
# exchanges files with the host in both directions.

load harness

# Sizes around mke2fs' limits: 1 KiB blocks and smaller inode ratios below 512 MiB.
SIZES=(64M 511M 3G)

setup_file() {
    local device=b parameters="" arguments=() size
    for size in "${SIZES[@]}"; do
        truncate -s "$size" "$BATS_FILE_TMPDIR/$size.raw"
        arguments+=(-drive "file=$BATS_FILE_TMPDIR/$size.raw,format=raw,if=none,id=extra-$size")
        arguments+=(-device "virtio-blk-pci,drive=extra-$size")
        parameters+=" vm.mount=/dev/vd$device:/mnt/$size:ext4:x-systemd.makefs"
        device=$(tr b-y c-z <<<"$device")
    done

    mkdir -p "$BATS_FILE_TMPDIR"/{shared,tmp}
    echo "from the host" >"$BATS_FILE_TMPDIR/shared/from-host"
    cat >"$BATS_FILE_TMPDIR/shared/test.sh" <<'END'
set -eux
cd /tmp/shared
cat from-host >read-in-guest
echo "shared by the guest" >from-guest
echo "exchanged by the guest" >/tmp/xchg/from-guest
cat /proc/mounts >mounts
cp /etc/ssl/certs/ca-certificates.crt .
if echo "by the guest" >/etc/ssl/certs/more; then exit 9; fi
stat -c '%n %a %F' / /tmp /boot /etc/NIXOS /nix/store /run/keys >modes
for directory in /mnt/*; do
    echo "$directory" >$directory/name
done
END
    echo "certificates of the host" >"$BATS_FILE_TMPDIR/host.crt"
    SHARED_DIR=$BATS_FILE_TMPDIR/shared TMPDIR=$BATS_FILE_TMPDIR/tmp \
        NIX_SSL_CERT_FILE=$BATS_FILE_TMPDIR/host.crt \
        PARAMS="demo.run=/tmp/shared/test.sh$parameters" \
        boot_as_is vm --keep-tmp -o virtualisation.useHostCerts=true -- "${arguments[@]}"
}

ran() {
    ended vm || return 1
    [ "$(cat "$BATS_FILE_TMPDIR/shared/test.sh.status")" = 0 ] && return
    cat "$BATS_FILE_TMPDIR/shared/test.sh.out"
    return 1
}

# Prints the fields of a superblock that depend on the size alone, not on age or contents.
geometry() {
    dumpe2fs -h "$1" 2>/dev/null | grep -E \
        -e '^(Filesystem (magic|revision|features|flags|state|OS)|Default|Errors|Inode |Block |Reserved )' \
        -e '^(Fragment|Group|Blocks per|Inodes per|First |Required|Desired|Checksum type|Flex)' \
        -e '^(Journal (inode|size|backup)|Total journal size)'
}

# formatted_like_mke2fs IMAGE: the filesystem is clean and has the layout of mke2fs at that size.
formatted_like_mke2fs() {
    local reference=$BATS_TEST_TMPDIR/reference
    e2fsck -fn "$1" >"$BATS_TEST_TMPDIR/e2fsck" 2>&1 || { cat "$BATS_TEST_TMPDIR/e2fsck"; return 1; }
    truncate -s "$(stat -c %s "$1")" "$reference"
    mke2fs -q -t ext4 "$reference"
    diff <(geometry "$reference") <(geometry "$1")
}

@test "the temporary directory is kept on request, with what the guest put into xchg" {
    ran
    [ "$(cat "$BATS_FILE_TMPDIR"/tmp/nix-vm.*/xchg/from-guest)" = "exchanged by the guest" ]
}

@test "SHARED_DIR is /tmp/shared in the guest, for reading and writing" {
    ran
    [ "$(cat "$BATS_FILE_TMPDIR/shared/read-in-guest")" = "from the host" ]
    [ "$(cat "$BATS_FILE_TMPDIR/shared/from-guest")" = "shared by the guest" ]
}

@test "useHostCerts: the host's certificates are in /etc/ssl/certs, which the guest cannot write to" {
    ran
    cmp "$BATS_FILE_TMPDIR/host.crt" "$BATS_FILE_TMPDIR/shared/ca-certificates.crt"
}

@test "stage 2 finds the directories that it depends on, with their modes" {
    ran
    says "$BATS_FILE_TMPDIR/shared/modes" '^/ 755 directory$'
    says "$BATS_FILE_TMPDIR/shared/modes" '^/tmp 1777 directory$'
    says "$BATS_FILE_TMPDIR/shared/modes" '^/boot [0-7]+ directory$'
    says "$BATS_FILE_TMPDIR/shared/modes" '^/etc/NIXOS [0-7]+ regular (empty )?file$'
    says "$BATS_FILE_TMPDIR/shared/modes" '^/nix/store [0-7]*755 directory$'
    says "$BATS_FILE_TMPDIR/shared/modes" '^/run/keys 750 directory$'
}

@test "stage 2 finds the mounts that it depends on, with their options" {
    ran
    local mounts=$BATS_FILE_TMPDIR/shared/mounts
    says "$mounts" '^[^ ]+ /proc proc rw,nosuid,nodev,noexec,'
    says "$mounts" '^[^ ]+ /sys sysfs rw,nosuid,nodev,noexec,'
    says "$mounts" '^[^ ]+ /dev devtmpfs rw,nosuid,.*mode=755'
    says "$mounts" '^[^ ]+ /dev/pts devpts rw,nosuid,noexec,.*gid=3,mode=620,ptmxmode=666'
    says "$mounts" '^[^ ]+ /dev/shm tmpfs rw,nosuid,nodev'
    says "$mounts" '^[^ ]+ /run tmpfs rw,nosuid,nodev,.*mode=755'
    says "$mounts" '^[^ ]+ /run/keys ramfs rw,nosuid,nodev,.*mode=750'
    says "$mounts" '^/dev/vda / ext4 rw,'
    says "$mounts" '^nix-store /nix/\.ro-store 9p .*loose'
    says "$mounts" '^[^ ]+ /nix/\.rw-store tmpfs rw,.*mode=755'
    says "$mounts" '^overlay /nix/store overlay rw,.*lowerdir=[^ ]*/nix/\.ro-store,upperdir=[^ ]*/nix/\.rw-store/store,'
    says "$mounts" '^xchg /tmp/xchg 9p '
    says "$mounts" '^shared /tmp/shared 9p '
}

@test "a blank root disk of 1 GiB is formatted as by mke2fs" {
    ran
    formatted_like_mke2fs "$(raw_image "$BATS_FILE_TMPDIR/disk.qcow2")"
}

@test "blank disks of 64 MiB, 511 MiB and 3 GiB are formatted as by mke2fs" {
    ran
    local size
    for size in "${SIZES[@]}"; do
        echo "size $size"
        formatted_like_mke2fs "$BATS_FILE_TMPDIR/$size.raw"
        [ "$(debugfs -R 'cat /name' "$BATS_FILE_TMPDIR/$size.raw" 2>/dev/null)" = "/mnt/$size" ]
    done
}
