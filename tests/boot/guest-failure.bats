#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Boots that fail, machines that lack a device, and stops at the prompt on request.

load guest

setup_file() {
    kernel
    tree "$BATS_FILE_TMPDIR/tree" <<'END'
echo "console $(readlink /proc/1/fd/1)"
echo "<1>stage 2 was here" >/dev/kmsg
echo "kept $(cat /dev/keep/file 2>/dev/null)"
echo "left over $(cat /proc/[0-9]*/stat | grep -cE '\((sleep|true|sh)\) [SZ] 1 ')"
END
    export INITRD=$BATS_FILE_TMPDIR/initrd SHELL_INITRD=$BATS_FILE_TMPDIR/shell-initrd
    initrd "$INITRD" virtio_pci virtio_blk ext4 9p 9pnet_virtio overlay
    mkdir -p "$BATS_FILE_TMPDIR/extra/bin"
    cp "$(command -v busybox)" "$BATS_FILE_TMPDIR/extra/bin/busybox"
    for applet in sh ls mount mkdir cp switch_root cat echo rm true sleep umount mknod; do
        ln -s busybox "$BATS_FILE_TMPDIR/extra/bin/$applet"
    done
    EXTRA=$BATS_FILE_TMPDIR/extra initrd "$SHELL_INITRD" virtio_pci virtio_blk ext4 9p 9pnet_virtio overlay
}

# wrapped NAME SCRIPT PARAMETERS [QEMU's arguments]: boots; PID 1 runs the script before init.
wrapped() {
    local name=$1
    mkdir -p "$BATS_TEST_TMPDIR/wrapper"
    cp -a "$BATS_FILE_TMPDIR/extra/." "$BATS_TEST_TMPDIR/wrapper"
    printf '#!/bin/sh\n%s\n' "$2" >"$BATS_TEST_TMPDIR/wrapper/first"
    chmod 755 "$BATS_TEST_TMPDIR/wrapper/first"
    shift 2
    EXTRA=$BATS_TEST_TMPDIR/wrapper initrd "$BATS_TEST_TMPDIR/initrd" virtio_pci virtio_blk ext4 9p 9pnet_virtio
    INITRD=$BATS_TEST_TMPDIR/initrd qemu "$name" "rdinit=/first $1" "${@:2}"
}

@test "a device that is missing is named, and those that there are with type, label and UUID" {
    truncate -s 64M "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
    mke2fs -q -t ext4 -L one -U 11111111-2222-3333-4444-555555555555 "$BATS_TEST_TMPDIR/a"
    # shellcheck disable=SC2046
    qemu missing "root=LABEL=two vm.device-timeout=1" $(disk "$BATS_TEST_TMPDIR/a") $(disk "$BATS_TEST_TMPDIR/b")
    failed missing 'LABEL=two: no such block device appeared within 1 s'
    told missing 'run-vm: /dev/vda +64 MiB +ext4 filesystem, label "one", UUID 11111111-2222-3333-4444-555555555555'
    told missing 'run-vm: /dev/vdb +64 MiB'
}

@test "a parameter that is wrong is named; what to do then may stand behind it" {
    qemu unknown "root=tree vm.onfail=prompt vm.nonsense=1 vm.onfail=poweroff"
    failed unknown 'vm.nonsense'
    qemu no-root "quiet"
    failed no-root 'root= is missing'
}

@test "vm.onfail=reboot and panic, boot.panic_on_fail and stage1panic end QEMU, the reason last" {
    local parameter
    for parameter in vm.onfail=reboot vm.onfail=panic boot.panic_on_fail stage1panic=1; do
        qemu "$parameter" "root=tree init=/none $parameter"
        failed "$parameter" 'init=/none'
    done
    for parameter in vm.onfail=panic boot.panic_on_fail stage1panic=1; do
        told "$parameter" 'Kernel panic - not syncing: Attempted to kill init'
    done
    run ! grep -q 'Kernel panic' "$BATS_FILE_TMPDIR/vm.onfail=reboot.console"
}

@test "the prompt: going on, a shell that ends, and a reboot; no shell unless that is allowed" {
    INITRD=$SHELL_INITRD conversation prompt "root=tree init=/none vm.onfail=prompt boot.shell_on_fail" \
        'any other key' 'i' '/ #' 'echo mine is $$; (sleep 1000 &); exit\n' 'any other key' 'r'
    told prompt '^mine is [0-9]+'
    told prompt 'Restarting system'
    INITRD=$SHELL_INITRD conversation no-shell "root=tree init=/none vm.onfail=prompt" 'any other key' 'r'
    run ! grep -q 'interactive shell' "$BATS_FILE_TMPDIR/no-shell.console"
    told no-shell 'Restarting system'
}

@test "the shell as PID 1 can start stage 2 by hand" {
    INITRD=$SHELL_INITRD conversation by-hand "root=tree init=/none vm.onfail=prompt boot.shell_on_fail" \
        'any other key' 'f' '/ #' 'exec switch_root /sysroot /sbin/init\n'
    reached by-hand
    told by-hand '^stage 2 is PID 1'
}

@test "boot.debug1, boot.debug1devices and boot.debug1mounts stop there with a shell, and go on" {
    local parameter
    for parameter in boot.debug1 debug1 boot.debug1devices boot.debug1mounts; do
        # shellcheck disable=SC2016 # for the guest's shell
        INITRD=$SHELL_INITRD conversation "$parameter" "root=tree $parameter" 'any other key' 'i' \
            '/ #' 'for i in /proc/1 /sysroot/bin /sys/bus/virtio/drivers/9pnet_virtio; do ls -d $i; done; exit\n'
        reached "$parameter"
        told "$parameter" 'run-vm: stopped .*as asked'
        told "$parameter" '^/proc/1'
    done
    for parameter in boot.debug1 debug1; do
        run ! grep -q '^/sys/bus/virtio/drivers/9pnet_virtio' "$BATS_FILE_TMPDIR/$parameter.console"
    done
    run ! grep -q '^/sysroot/bin' "$BATS_FILE_TMPDIR/boot.debug1devices.console"
    told boot.debug1mounts '^/sysroot/bin$'
    told boot.debug1devices '^/sys/bus/virtio/drivers/9pnet_virtio'
}

@test "boot.trace logs each step with its duration, in the kernel log too" {
    qemu trace "root=tree boot.trace loglevel=8"
    reached trace
    local step
    for step in parameters plan modules devices mounts root; do
        told trace "^run-vm: step \"$step\" took [0-9]+ us"
        told trace "^\[.*\] run-vm: step \"$step\" took"
    done
}

@test "every console= is told; one that does not exist, or is closed, stops nothing" {
    qemu consoles "root=tree init=/none console=nonsense console=ttyS9 console=ttyS1 console=tty0 console=ttyS0,9600" \
        -serial mon:stdio -serial "file:$BATS_TEST_TMPDIR/second"
    failed consoles 'init=/none'
    grep -aq 'run-vm: the boot failed.*init=/none' "$BATS_TEST_TMPDIR/second"
    qemu closed "root=tree init=/none vm.onfail=prompt console=ttyS3" -serial none -monitor none || true
    [ "$(cat "$BATS_FILE_TMPDIR/closed.status")" != 124 ]
}

@test "without /dev/console, and with nothing that could be read, a prompt switches off" {
    wrapped no-console 'mount -t devtmpfs dev /dev; rm /dev/console; exec /init' "root=tree"
    [ "$(cat "$BATS_FILE_TMPDIR/no-console.status")" = 0 ]
    told no-console 'stage 2 was here'
    wrapped no-prompt 'mount -t devtmpfs dev /dev; rm /dev/console /dev/tty*; exec /init </dev/null' \
        "root=tree init=/none vm.onfail=prompt"
    [ "$(cat "$BATS_FILE_TMPDIR/no-prompt.status")" = 0 ]
    told no-prompt 'no console can be read'
}

@test "/dev that is mounted already, and another filesystem in the initramfs, which survives" {
    wrapped inside 'mount -t devtmpfs dev /dev; mkdir -p /dev/keep /a/b/c; echo precious >/dev/keep/file
        mount --bind /dev/keep /a/b/c; cd /lib; exec /init' "root=tree"
    reached inside
    told inside '^kept precious'
}

@test "an initrd that was moved to a tmpfs is left and freed all the same" {
    wrapped on-tmpfs 'mkdir /t; mount -t tmpfs t /t; cp -a /init /lib /bin /t
        exec switch_root /t /init' "root=tree"
    reached on-tmpfs
    run ! grep -q 'initramfs stays' "$BATS_FILE_TMPDIR/on-tmpfs.console"
}

@test "processes that ran before, and children that nobody waited for, are gone" {
    wrapped children 'sleep 1000 & (sleep 1000 &); true & (true &)
        exec /init' "root=tree"
    reached children
    told children '^left over 0$'
}

@test "too little memory: an end with a reason where the kernel gets far enough to say it, never a hang" {
    MEMORY=20 qemu tiny "root=tree"
    [ "$(cat "$BATS_FILE_TMPDIR/tiny.status")" = 0 ]
    MEMORY=88 qemu small "root=tree"
    [ "$(cat "$BATS_FILE_TMPDIR/small.status")" = 0 ]
    told small 'Kernel panic - not syncing: System is deadlocked on memory'
}
