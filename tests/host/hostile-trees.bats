#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Untrusted trees, in a chroot store or below --root-dir: their links lead where they would lead in the
# guest, never to a file of the host, and a damaged file is named.
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # QEMU's script is not expanded here

bats_require_minimum_version 1.5.0

load start

# A system in the chroot store $tree, with modules for 6.1.0, and a secret outside of it.
setup_tree() {
    tree=$BATS_TEST_TMPDIR/tree system=/nix/store/00000000000000000000000000000000-system
    outside=$BATS_TEST_TMPDIR/outside
    mkdir -p "$tree$system/kernel-modules/lib/modules" "$outside/store"
    mv "$modules" "$tree$system/kernel-modules/lib/modules/6.1.0"
    modules=$tree$system/kernel-modules/lib/modules/6.1.0
    mkdir "$modules/kernel"
    echo 'int nothing;' | gcc -x c -c -o "$modules/kernel/virtio_blk.ko" -
    mkdir -p "$BATS_TEST_TMPDIR/depmod/lib/modules"
    ln -s "$modules" "$BATS_TEST_TMPDIR/depmod/lib/modules/6.1.0"
    depmod -b "$BATS_TEST_TMPDIR/depmod" 6.1.0
    cp system/kernel "$tree$system/kernel"
    echo "params" >"$tree$system/kernel-params"
    : >"$tree$system/initrd"
    echo "the secret of the host" | tee "$outside/secret" "$outside/store/secret" >/dev/null
    # copies every file that QEMU is given
    qemu 'cat initrd kernel store.img >"$HOME/seen" 2>/dev/null; printf "%s\n" "$@" >>"$HOME/seen"'
}

start_tree() {
    "$RUN_VM_PROGRAM" -o "runVm.store=$tree" -o "system.build.toplevel=$system" --accel tcg \
        --guest-init system/guest-init -o virtualisation.diskImage=null \
        -o "virtualisation.qemu.package=$PWD/qemu" -o virtualisation.graphics=false \
        -o system.name=hostile -o nix.enable=false \
        -o 'boot.initrd.kernelModules=["virtio_blk"]' "$@"
}

# Fails if the secret was passed to the guest.
kept() {
    [ ! -e "$HOME/seen" ] || run ! grep -aqe "the secret" -e "$outside" "$HOME/seen"
    [[ $output != *"the secret"* ]]
}

@test "a module that is a link out of the tree is refused, one that is a link inside is followed" {
    setup_tree
    run -0 start_tree
    grep -aq virtio_blk "$HOME/seen"
    # a link that is valid in the guest
    mv "$modules/kernel/virtio_blk.ko" "$tree/elsewhere.ko"
    ln -s /elsewhere.ko "$modules/kernel/virtio_blk.ko"
    run -0 start_tree
    grep -aq virtio_blk "$HOME/seen"
    for target in "$outside/secret" ../../../../../../../../../../../../../../../../"$outside/secret"; do
        rm -rf "$HOME/seen" "$XDG_CACHE_HOME"
        ln -sfn "$target" "$modules/kernel/virtio_blk.ko"
        run start_tree
        [ "$status" != 0 ]
        [[ $output == *virtio_blk* ]]
        kept
    done
}

@test "whatever of a tree is a link out of it, nothing of the host is read" {
    setup_tree
    for file in kernel kernel-params initrd kernel-modules kernel-modules/lib/modules \
        kernel-modules/lib/modules/6.1.0 \
        kernel-modules/lib/modules/6.1.0/modules.{dep.bin,alias.bin,alias,softdep,order,builtin.bin}; do
        [ ! -d "$tree$system/$file" ] || rm -rf "$outside/copy"
        [ ! -d "$tree$system/$file" ] || cp -r "$tree$system/$file" "$outside/copy"
        [ -d "$tree$system/$file" ] || cp "$outside/secret" "$outside/copy"
        mv "$tree$system/$file" "$BATS_TEST_TMPDIR/moved"
        ln -s "$outside/copy" "$tree$system/$file"
        rm -f "$HOME/seen"
        run start_tree
        echo "$file: $status: $output"
        [ "$status" != 0 ] || [ "${file##*/}" = modules.order ] || [ "${file##*/}" = initrd ] ||
            [[ $file == *.bin ]]
        kept
        rm "$tree$system/$file"
        mv "$BATS_TEST_TMPDIR/moved" "$tree$system/$file"
        rm -rf "$outside/copy"
    done
}

@test "the store of a tree is shared and packed from inside it" {
    setup_tree
    mv "$tree/nix/store" "$tree/real"
    ln -s "$outside/store" "$tree/nix/store"
    run start_tree --kernel system/kernel -o virtualisation.useNixStoreImage=false
    [ "$status" != 0 ]
    kept
    # links that lead somewhere in the guest
    ln -sfn /real "$tree/nix/store"
    rm -f "$HOME/seen"
    run -0 start_tree
    grep -q "path=$tree/real," "$HOME/seen"
    rm "$tree/nix/store"
    mv "$tree/real" "$tree/nix/store"
    # a list of paths that leads out of the tree
    mkdir "$tree/nix/store/list"
    for path in "/nix/store/../../../outside/secret" "/nix/store/link/secret"; do
        ln -sfn "$outside" "$tree/nix/store/link"
        echo "$path" >"$tree/nix/store/list/store-paths"
        run start_tree -o virtualisation.useNixStoreImage=true -o virtualisation.writableStore=false \
            -o system.build.storeClosure=/nix/store/list
        [ "$status" != 0 ]
        kept
    done
}

@test "below --root-dir the kernel and its modules are found inside, by other names of it as well" {
    setup_tree
    mkdir -p "$tree/boot" "$tree/lib/modules"
    mv "$modules" "$tree/lib/modules/6.1.0"
    mv "$tree$system/kernel" "$tree/boot/vmlinuz-6.1.0"
    ln -s /boot/vmlinuz-6.1.0 "$tree/vmlinuz"
    ln -s "$tree" other
    for root in "$tree" "$tree/." other; do
        run -0 "$RUN_VM_PROGRAM" --kernel "$tree/vmlinuz" --modules-dir other/lib/modules/6.1.0 \
            --root-dir "$root" --init /init --guest-init system/guest-init --accel tcg \
            -o "virtualisation.qemu.package=$PWD/qemu"
        grep -aqFf system/kernel "$HOME/seen"
    done
    ln -sfn "$outside/secret" "$tree/lib/modules/6.1.0/kernel/virtio_blk.ko"
    ln -sfn "$outside/secret" "$tree/boot/kernel"
    rm -f "$HOME/seen"
    for kernel in boot/vmlinuz-6.1.0 boot/kernel; do
        run ! "$RUN_VM_PROGRAM" --kernel "$tree/$kernel" --modules-dir other/lib/modules/6.1.0 \
            --root-dir "$root" --init /init --guest-init system/guest-init --accel tcg \
            -o boot.initrd.kernelModules='["virtio_blk"]' -o "virtualisation.qemu.package=$PWD/qemu"
        [[ $output == *"No such file"* ]]
        kept
    done
}

@test "a FIFO or a directory in a tree is named, and nobody waits for it" {
    setup_tree
    for file in kernel-params kernel-modules/lib/modules/6.1.0/modules.alias.bin \
        kernel-modules/lib/modules/6.1.0/kernel/virtio_blk.ko; do
        mv "$tree$system/$file" "$BATS_TEST_TMPDIR/moved"
        for make in mkfifo mkdir; do
            "$make" "$tree$system/$file"
            run timeout 60 "$BASH" -c 'exec "$@"' sh "$RUN_VM_PROGRAM" -o "runVm.store=$tree" \
                -o "system.build.toplevel=$system" --accel tcg --guest-init system/guest-init \
                -o virtualisation.diskImage=null -o "virtualisation.qemu.package=$PWD/qemu" \
                -o system.name=hostile -o nix.enable=false \
        -o 'boot.initrd.kernelModules=["virtio_blk"]'
            [ "$status" != 0 ]
            [ "$status" != 124 ]
            [[ $output == *"${file##*/}: not a regular file"* ]]
            rm -d "$tree$system/$file"
        done
        mv "$BATS_TEST_TMPDIR/moved" "$tree$system/$file"
    done
}
