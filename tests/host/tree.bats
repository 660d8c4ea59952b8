#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # start.bash sets $modules
# Starts of a tree, without a configuration.

bats_require_minimum_version 1.5.0

load start

# plan FILTER OPTION...: applies a jq filter to the plan of a start with the options.
plan() {
    local filter=$1
    shift
    "$RUN_VM_PROGRAM" --guest-init system/guest-init --accel tcg --dry-run=json "$@" | jq -r "$filter"
}

# headless OPTION...: prints "true" if a start of the tree with these options shows no window, or "false".
headless() {
    plan 'any(.argv[]; . == "-nographic")' --root-dir tree -k system/kernel "$@"
}

@test "a tree shows a window only where there is a display, or somebody asks for one" {
    mkdir tree
    echo '{}' >empty.json
    unset DISPLAY WAYLAND_DISPLAY
    [ "$(headless)" = true ]
    [ "$(headless -o virtualisation.graphics=true)" = false ]
    # a configuration keeps the default of its option
    [ "$(headless -c empty.json)" = false ]
    export DISPLAY=:7
    [ "$(headless)" = false ]
    [ "$(headless -o virtualisation.graphics=false)" = true ]
    unset DISPLAY
    export WAYLAND_DISPLAY=wayland-0
    [ "$(headless)" = false ]
}

# booted OPTION...: prints the kernel, the modules and the parameters of a start of the tree.
booted() {
    plan '(.initrd.modulesDir // "none"), .kernelParams[], (.files[] | select(.kind == "kernel").source)' \
        --root-dir tree "$@"
}

@test "a tree alone boots its newest kernel, with the parameters of its boot entry" {
    local entries=tree/boot/loader/entries
    mkdir -p $entries tree/usr/lib
    ln -s usr/lib tree/lib
    cp -r "$(dirname "$modules")" tree/usr/lib/modules
    cp -r tree/usr/lib/modules/6.1.0 tree/usr/lib/modules/6.10.0
    for version in 6.1.0 6.10.0 6.11.0; do
        cp system/kernel tree/boot/vmlinuz-$version
    done
    printf 'linux /vmlinuz-6.10.0\noptions root=/dev/sda2 ro quiet audit=0\n' >$entries/a.conf
    run -0 booted
    [[ $output == *"$PWD/tree/boot/vmlinuz-6.10.0"* ]]
    [[ $output == *"/tree/usr/lib/modules/6.10.0"* ]]
    [[ $'\n'$output == *$'\nquiet\naudit=0'* ]]
    [[ $output != *sda2* && $output == *root=run-vm-root* ]]
    # what is named wins
    run -0 booted -k system/kernel
    [[ $output == *system/kernel* && $output != *quiet* ]]
    run -0 booted --modules-dir "$modules"
    [[ $output == *"$PWD/tree/boot/vmlinuz-6.1.0"* && $output == *"$modules"* ]]
    # said in one line, by a start
    qemu 'exit 0'
    run -0 --separate-stderr "$RUN_VM_PROGRAM" --root-dir tree --guest-init system/guest-init \
        --accel kvm -o "virtualisation.qemu.package=$PWD/qemu"
    # shellcheck disable=SC2154 # bats sets it
    [[ $stderr == *"kernel 6.10.0 of the tree: $PWD/tree/boot/vmlinuz-6.10.0"* ]]
}

@test "a tree's kernel says what processor its guest has" {
    local arm=(-o "virtualisation.qemu.package=$PWD/qemu" --root-dir tree)
    mkdir -p tree/boot
    ln -s qemu-kvm qemu/bin/qemu-system-aarch64
    { printf 'MZ%54sARM\x64' '' && head -c 1000 /dev/zero; } >tree/boot/vmlinuz-6.1.0
    run -0 plan '.argv[0], (.kernelParams[] | select(test("console=ttyAMA0")))' "${arm[@]}"
    [ "$output" = "$PWD/qemu/bin/qemu-system-aarch64"$'\n'console=ttyAMA0,115200n8 ]
    run -0 plan '.argv[0]' "${arm[@]}" -k system/kernel
    [ "$output" = "$PWD/qemu/bin/qemu-kvm" ]
    run -0 plan '.argv[0]' "${arm[@]}" -o nixpkgs.hostPlatform=x86_64-linux
    [ "$output" = "$PWD/qemu/bin/qemu-kvm" ]
    # its init is not this machine's
    cp "$RUN_VM_PROGRAM" run-vm
    echo "an init" >init
    chmod +x init
    run -74 ./run-vm "${arm[@]}" --accel tcg
    [[ $output == *"init for a guest of aarch64 (made by \`make guests\`, --guest-init names another one): $PWD/init-aarch64: No such file"* ]]
    # nor one that run-vm has, though this machine's processor runs its instructions
    local cpu
    for cpu in i686 powerpc64le; do
        ln -sf qemu-kvm qemu/bin/qemu-system-ppc64
        run -74 ./run-vm "${arm[@]}" --accel tcg -o nixpkgs.hostPlatform=$cpu-linux
        [[ $output == *"init for a guest of $cpu (run-vm has none, --guest-init names another one): $PWD/init-$cpu: No such file"* ]]
    done
}

@test "a tree whose modules cannot mount it is refused before the start" {
    local here=tree/usr/lib/modules/6.1.0
    mkdir -p tree/boot tree/usr/lib
    cp -r "$(dirname "$modules")" tree/usr/lib/modules
    cp system/kernel tree/boot/vmlinuz-6.1.0
    # as real ones have it: of what run-vm needs, one is built in, and one is a module
    printf 'kernel/drivers/virtio/virtio_pci.ko\nkernel/fs/ext4/ext4.ko\n' >$here/modules.builtin
    mkdir $here/kernel
    echo 'int nothing;' | gcc -x c -c -o $here/kernel/9pnet_virtio.ko -
    depmod -b tree/usr 6.1.0
    starts() {
        run_status=$1
        shift
        run "-$run_status" "$RUN_VM_PROGRAM" -r tree --guest-init system/guest-init --accel tcg \
            -o virtualisation.qemu.package="$PWD/qemu" "$@"
    }
    starts 74
    [[ $output == *"initrd: "*"$here: lacks 9p, overlay, without which the guest cannot mount its root: install all of this kernel's modules"*"--kernel FILE" ]]
    [ -z "$(ls -A "$TMPDIR")" ]
    [ -z "$(entries initrd)" ]
    starts 74 --rw
    [[ $output == *": lacks 9p, without which"* ]]
    # another kernel's modules, of which nothing is known
    starts 0 -k system/kernel
    printf 'kernel/fs/9p/9p.ko\nkernel/fs/overlayfs/overlay.ko\n' >>$here/modules.builtin
    depmod -b tree/usr 6.1.0
    starts 0
}

@test "a tree without a kernel, on a host whose kernel cannot be read, says what to do" {
    mkdir tree
    # seems to run a kernel that no host has
    local host=(setarch --uname-2.6)
    run -65 "${host[@]}" "$RUN_VM_PROGRAM" -r tree --dry-run
    [[ $output == *"no kernel to boot: the tree tree has none"*"/boot/vmlinuz-$("${host[@]}" uname -r)"*"--kernel FILE --modules-dir DIR"* ]]
    # a missing tree is the only problem
    run -65 "$RUN_VM_PROGRAM" -r nowhere --dry-run
    [ "$output" = "run-vm: --root-dir: nowhere: No such file or directory" ]
    touch file
    run -65 "$RUN_VM_PROGRAM" -r file
    [ "$output" = "run-vm: --root-dir: file is not a directory, expected a directory" ]
    # what a newcomer may try
    run -64 "$RUN_VM_PROGRAM" tree
    [ "$output" = "run-vm: tree: no such command; run-vm -r tree boots the directory" ]
}

@test "--rw shares the tree for writing, and by one machine at a time" {
    mkdir tree
    local share='.argv[] | select(contains("mount_tag=run-vm-root"))'
    run -0 plan "$share" -r tree -k system/kernel
    [[ $output == *readonly=on* ]]
    run -0 plan "$share" -r tree -k system/kernel --rw
    [[ $output != *readonly* ]]
    run -0 plan '.kernelParams[]' -r tree -k system/kernel
    [[ $output != *rootflags=* && $output == *overlay* ]]
    run -0 plan '.kernelParams[]' -r tree -k system/kernel --rw
    [[ $output == *rootflags=cache=mmap* && $output != *overlay* ]]
    run -64 "$RUN_VM_PROGRAM" --rw -c system
    [[ $output == *"--rw: needs --root-dir DIR"* ]]
    # while another machine reads the tree
    qemu 'exit 7'
    run -74 flock --shared tree "$RUN_VM_PROGRAM" -r tree --rw -k system/kernel --guest-init system/guest-init \
        --accel tcg -o "virtualisation.qemu.package=$PWD/qemu"
    [[ $output == *"$PWD/tree: --rw: in use by another machine"* ]]
    run -7 flock --shared tree "$RUN_VM_PROGRAM" -r tree -k system/kernel --guest-init system/guest-init \
        --accel tcg -o "virtualisation.qemu.package=$PWD/qemu"
    [[ $output != *"another machine"* ]]
    run -7 flock tree "$RUN_VM_PROGRAM" -r tree -k system/kernel --guest-init system/guest-init \
        --accel tcg -o "virtualisation.qemu.package=$PWD/qemu"
    [[ $output == *"warning: $PWD/tree: another machine writes to it"* ]]
}

# writes TREE: starts it with --rw.
writes() {
    "$RUN_VM_PROGRAM" -r "$1" --rw -k system/kernel --guest-init system/guest-init --accel tcg \
        -o "virtualisation.qemu.package=$PWD/qemu"
}

@test "--rw is refused for the host's own root, and a tree that the host uses" {
    qemu 'exit 7'
    mkdir -p tree/home tree/tmp
    ln -s tree/home link
    run -74 writes /
    [[ $output == *"/: --rw: the root of this host"*" is in it"* ]]
    TMPDIR=$PWD/tree/tmp run -74 writes tree
    [[ $output == *"$PWD/tree: --rw: run-vm's temporary directory ($PWD/tree/tmp/"*" is in it"* ]]
    HOME=$PWD/link run -74 writes tree
    [[ $output == *"$PWD/tree: --rw: your home directory ($PWD/link) is in it"* ]]
    run -7 writes tree
}

# as_owner [--forbidden] OPTION...: starts the tree as an ordinary user who owns it. With --forbidden the
# user can make no user namespace. QEMU is a script.
as_owner() {
    local forbid=:
    [ "$1" != --forbidden ] || { shift && forbid='echo 0 >/proc/sys/user/max_user_namespaces'; }
    # shellcheck disable=SC2016 # the shell in the namespace is to expand it
    unshare -U --map-user=61234 --map-group=61234 --keep-caps sh -c "$forbid"' || exit 99
        exec setpriv --inh-caps=-all --ambient-caps=-all "$@"' sh "$RUN_VM_PROGRAM" -r tree -k system/kernel \
        --guest-init system/guest-init --accel kvm -o "virtualisation.qemu.package=$PWD/qemu" "$@"
}

@test "QEMU runs in a namespace in which the tree's owner is root, where there can be one" {
    unshare -U true || skip "no user namespaces here"
    mkdir tree
    qemu 'id -u >"$CALLER/id"'
    run -0 as_owner
    [ "$(cat id)" = 0 ]
    run -0 as_owner --root-dir-owner keep
    [ "$(cat id)" = 61234 ]
    run -0 as_owner --forbidden
    [[ $output == *"files of $PWD/tree belong to user 61234 in the guest too: user namespaces cannot be made here"* ]]
    [ "$(cat id)" = 61234 ]
    # a lock that cannot be taken is not left out
    chmod 0311 tree
    run -74 as_owner --rw
    [[ $output == *"$PWD/tree: --rw: cannot be opened"* ]]
    chmod 0755 tree
    run -74 as_owner --forbidden --root-dir-owner root
    [[ $output == *"--root-dir-owner=root: $PWD/tree belongs to user 61234, who cannot be root in the guest"* ]]
    # a program that QEMU starts may be setuid
    run -0 as_owner -- -nic bridge
    [[ $output == *"QEMU starts a program that may need the host's root"* ]]
    [ "$(cat id)" = 61234 ]
}
