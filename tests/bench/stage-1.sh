#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2174 # -m with -p, as it is there
# shellcheck shell=sh
# The peer: a shell stage 1 like NixOS's, which does the standard boot's work with udev, kmod, blkid and
# e2fsprogs, in the same order. Its mounts are written out, as in a generated script.
export PATH=/bin LD_LIBRARY_PATH=/lib
mkdir -p /proc /sys /dev /run /tmp /etc
mount -t proc -o nosuid,noexec,nodev proc /proc
mount -t sysfs -o nosuid,noexec,nodev sysfs /sys
mount -t devtmpfs -o nosuid,strictatime,mode=755,size=5% devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts -o nosuid,noexec,mode=620,ptmxmode=0666,gid=3 devpts /dev/pts
mount -t tmpfs -o nosuid,nodev,strictatime,mode=1777,size=50% tmpfs /dev/shm
mount -t tmpfs -o nosuid,nodev,strictatime,mode=755,size=25% tmpfs /run
mkdir -p /run/keys
mount -t ramfs -o nosuid,nodev,mode=750 ramfs /run/keys
exec </dev/console >/dev/console 2>&1
ln -s /proc/self/mounts /etc/mtab

stage2=/init
# shellcheck disable=SC2013 # words
for o in $(cat /proc/cmdline); do
    case $o in
    init=*)
        # shellcheck disable=SC2046,SC2086,SC1097
        set -- $(
            IFS="="
            echo $o
        )
        stage2=$2
        ;;
    esac
done

echo /bin/modprobe >/proc/sys/kernel/modprobe
for i in virtio_balloon virtio_console virtio_rng dm_mod; do
    modprobe $i
done
systemd-udevd --daemon
udevadm trigger --action=add
udevadm settle

check() {
    [ "$2" = ext4 ] || return 0
    echo "checking $1..."
    fsck -V -a "$1"
}

mount_file_system() { # DEVICE MOUNTPOINT TYPE OPTIONS
    check "$1" "$3"
    echo "mounting $1 on $2..."
    mkdir -p "/mnt-root$2"
    n=0
    while :; do
        mount -t "$3" -o "$4" "$1" "/mnt-root$2" && break
        n=$((n + 1))
        [ $n -lt 10 ] || break
        sleep 1
    done
}

auto_format() {
    type=$(blkid -o value -s TYPE "$1") || true
    if [ -z "$type" ]; then
        echo "creating ext4 filesystem on $1..."
        mke2fs -t ext4 -F "$1"
    fi
}

mkdir -p /mnt-root
while IFS=' ' read -r device where type options; do
    case $device in
    /dev/*)
        udevadm settle
        [ -e "$device" ] || echo "waiting for $device"
        auto_format "$device"
        ;;
    esac
    if [ "$type" = overlay ]; then
        mkdir -p -m 0755 /mnt-root/nix/.rw-store/store /mnt-root/nix/.rw-store/work /mnt-root/nix/store
    fi
    mount_file_system "$device" "$where" "$type" "$options"
done </mounts
mkdir -m 0755 -p /mnt-root/etc
touch /mnt-root/etc/NIXOS
mkdir -m 1777 -p /mnt-root/tmp

udevadm control --exit
for pid in $(pgrep -v -f '@'); do
    [ "$pid" = 1 ] || kill -9 "$pid" 2>/dev/null
done
echo /sbin/modprobe >/proc/sys/kernel/modprobe
for i in proc sys dev run; do
    mkdir -m 0755 -p "/mnt-root/$i"
    mount --move "/$i" "/mnt-root/$i"
done
exec env -i /bin/busybox switch_root /mnt-root "$stage2"
