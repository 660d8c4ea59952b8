#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Another distribution's stage 2: Debian with systemd, from a disk, from a read-only share under a tmpfs,
# and from virtiofs. Each starts completely and shuts down in order.

load guest

setup_file() {
    kernel
    DEBIAN=$("$BATS_TEST_DIRNAME/../../scripts/debian-root" openssh-server 2>"$BATS_FILE_TMPDIR/debian-root")/root
    export DEBIAN TIME_LIMIT=300 MEMORY=512
    export INITRD=$BATS_FILE_TMPDIR/initrd
    initrd "$INITRD" virtio_pci virtio_blk ext4 9p 9pnet_virtio overlay virtiofs

    # The reporting unit, bind-mounted into the root from a share; systemd.wants= starts it.
    mkdir "$BATS_FILE_TMPDIR"/{report,tree}
    cat >"$BATS_FILE_TMPDIR/report/report.service" <<'END'
[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/sh /etc/report.sh
StandardOutput=tty
TTYPath=/dev/console
END
    cat >"$BATS_FILE_TMPDIR/report/report.sh" <<'END'
requests() { # prints how many requests the 9p shares have answered
    while read -r _ number _ device; do
        case $device in *virtio*-requests) sum=$((${sum:-0} + number)) ;; esac
    done </proc/interrupts
    echo "$sum"
}
requests_of_links() {
    before=$(requests) i=0
    while [ $((i += 1)) -le 3000 ]; do
        [ -d /lib/. ]
    done
    made=$(($(requests) - before))
    [ $made -lt 3000 ] && echo "fewer, $made" || echo "one each, $made"
}
report=$(
    echo "target $(systemctl is-active multi-user.target)"
    echo "failed $(systemctl list-units --failed --plain --no-legend | tr '\n' ' ')"
    while read -r what where type options _; do
        echo "mount $where $type $what $options"
    done </proc/mounts
    echo "root link $(readlink /dev/root)"
    echo "requests of 3000 looks at /lib: $(requests_of_links)"
)
# printed at once: the login prompt may appear at any time, without a line of its own
printf '\n%s\n' "$report"
systemctl --no-block poweroff
END
}

# debian NAME PARAMETERS [QEMU's arguments]: boots Debian.
debian() {
    local name=$1 parameters=$2
    shift 2
    qemu "$name" "$parameters vm.share=report:/mnt vm.mount=/mnt/report.sh:/etc/report.sh:none:bind \
        vm.mount=/mnt/report.service:/etc/systemd/system/report.service:none:bind systemd.wants=report.service \
        systemd.show_status=yes" "$@" \
        -fsdev "local,id=report,path=$BATS_FILE_TMPDIR/report,security_model=none,readonly=on" \
        -device virtio-9p-pci,fsdev=report,mount_tag=report
    [ "$(cat "$BATS_FILE_TMPDIR/$name.status")" = 0 ]
    told "$name" '^target active'
    told "$name" '^failed *$'
    told "$name" 'reboot: Power down'
    run ! grep -Eq 'run-vm: |Failed to|FAILED|not clean|Freezing' "$BATS_FILE_TMPDIR/$name.console"
}

@test "Debian from an ext4 disk, whose filesystem is clean afterwards" {
    local disk=$BATS_TEST_TMPDIR/disk
    truncate -s 1G "$disk"
    mke2fs -q -t ext4 -d "$DEBIAN" "$disk"
    # shellcheck disable=SC2046
    debian disk "root=/dev/vda init=/sbin/init" $(disk "$disk")
    told disk '^mount / ext4 /dev/vda rw'
    told disk '^root link vda'
    told disk '^mount /dev/pts devpts devpts .*gid=5,mode=620'
    e2fsck -fn "$disk"
}

@test "Debian from a read-only 9p share under a tmpfs" {
    TREE=$DEBIAN debian share "root=tree vm.root.overlay=tmpfs vm.msize=512000"
    told share '^mount / overlay overlay rw'
    # the symlink is in the tmpfs; other processes' requests are counted too
    told share '^requests of 3000 looks at /lib: fewer'
}

@test "Debian from virtiofs" {
    local socket=$BATS_TEST_TMPDIR/socket
    cp -a "$DEBIAN" "$BATS_TEST_TMPDIR/root"
    /usr/lib/qemu/virtiofsd --socket-path="$socket" -o "source=$BATS_TEST_TMPDIR/root,sandbox=chroot,xattr" \
        >"$BATS_TEST_TMPDIR/virtiofsd" 2>&1 3>&- &
    debian virtiofs "root=deb rootfstype=virtiofs" \
        -object memory-backend-memfd,id=m,size=512M,share=on -machine memory-backend=m \
        -chardev "socket,id=c,path=$socket" -device vhost-user-fs-pci,chardev=c,tag=deb
    wait
    told virtiofs '^mount / virtiofs deb rw'
}
