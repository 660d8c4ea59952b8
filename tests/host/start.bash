# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2016,SC2119,SC2120
# Helpers for tests of preparation: a start in directories of the test's own. QEMU is a script that the
# test writes; qemu-img and all other programs are real.

load ../waiting

# Repetitions of a campaign.
PREPARE_ROUNDS=${RUN_VM_LONG:+100}
: "${PREPARE_ROUNDS:=15}"

# Makes the caller's directory and those for everything that run-vm makes.
setup() {
    mkdir "$BATS_TEST_TMPDIR/caller" "$BATS_TEST_TMPDIR/tmp"
    cd "$BATS_TEST_TMPDIR/caller" || return
    export HOME=$BATS_TEST_TMPDIR XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
    export TMPDIR=$BATS_TEST_TMPDIR/tmp CALLER=$PWD
    # machines of another test, which may run at the same time, are not on this test's list
    export XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/runtime
    mkdir -m 700 "$XDG_RUNTIME_DIR"
    unset USE_TMPDIR SHARED_DIR NIX_DISK_IMAGE NIX_EFI_VARS QEMU_OPTS QEMU_NET_OPTS \
        QEMU_KERNEL_PARAMS
    modules=$BATS_TEST_TMPDIR/modules/lib/modules/6.1.0
    mkdir -p "$modules" qemu/bin system
    touch "$modules"/modules.{order,builtin,builtin.modinfo}
    depmod -b "$BATS_TEST_TMPDIR/modules" 6.1.0
    printf '\177ELF, a kernel\n' >system/kernel
    echo "an init" >system/guest-init
    ln -s "$(command -v qemu-img)" qemu/bin/qemu-img
    qemu 'exit 0'
}

# qemu SCRIPT: replaces QEMU by the script, which run-vm starts in the temporary directory.
qemu() {
    printf '#!/bin/sh\n%s\n' "$1" >qemu/bin/qemu-kvm.new
    chmod +x qemu/bin/qemu-kvm.new
    mv qemu/bin/qemu-kvm.new qemu/bin/qemu-kvm
}

run_vm() {
    "$RUN_VM_PROGRAM" --kernel system/kernel --modules-dir "$modules" --init /init \
        --guest-init system/guest-init --accel tcg -o virtualisation.diskSize=8 \
        -o "virtualisation.qemu.package=$PWD/qemu" -o virtualisation.graphics=false "$@"
}

# Lets a QEMU that reads the FIFO `finish` continue.
finish() {
    timeout 60 sh -c 'echo >finish'
}

# entries KIND: prints the cache's entries of a kind.
entries() {
    find "$XDG_CACHE_HOME/run-vm" -mindepth 1 -maxdepth 1 -type d -name "$1-*" | sort
}

# Makes every input of start_all.
everything() {
    local store=$BATS_TEST_TMPDIR/store path
    python3 "$BATS_TEST_DIRNAME/small-kernel" 700000 >system/kernel
    head -c 600000 /dev/urandom >system/guest-init
    head -c 500000 /dev/urandom >system/firmware
    head -c 300000 /dev/urandom >system/variables
    head -c 400000 /dev/urandom >system/content
    export NIX_CONFIG="build-users-group =" NIX_CONF_DIR=$BATS_TEST_TMPDIR
    unset NIX_PATH NIX_REMOTE NIX_STATE_DIR NIX_STORE_DIR
    path=$(nix-store --store "$store" --add system/content)
    mkdir -p "$modules/kernel"
    echo 'int nothing;' | gcc -g -x c -c -o "$modules/kernel/virtio_blk.ko" -
    depmod -b "$BATS_TEST_TMPDIR/modules" 6.1.0
    jq -n --arg store "$store" --arg path "$path" --arg here "$PWD" '{
        runVm: {store: $store}, virtualisation: {
            additionalPaths: [$path], diskSize: 8, emptyDiskImages: [8, 16], graphics: false,
            efi: {firmware: ($here + "/system/firmware"), variables: ($here + "/system/variables")},
            useNixStoreImage: true, qemu: {package: ($here + "/qemu")}}}' \
        >everything.json
    # checks the files that it is started with, and writes their sums
    qemu 'for image in "$NIX_DISK_IMAGE" empty0.qcow2 empty1.qcow2; do
    "$CALLER/qemu/bin/qemu-img" check -q "$image" || exit 99
done
[ "$firmware" ] && file=$NIX_EFI_VARS || file=kernel
image=store.img
if [ "$store_image" != file ]; then
    # by what a guest reads: the name of the pack, and the places in it, are others each time
    image=$HOME/store.seen
    rm -rf "$HOME/seen"
    "$CALLER/qemu/bin/qemu-img" convert -f qcow2 -O raw store.img "$HOME/store.raw" || exit 97
    fsck.erofs --extract="$HOME/seen" "$HOME/store.raw" >/dev/null || exit 96
    (cd "$HOME/seen" && find . -type f -exec sha256sum {} + | sort) >"$image"
fi
for file in initrd "$image" xchg/registration "$file"; do
    sha256sum <"$file" || exit 98
done >"$HOME/sums"'
    export -f start_all leftovers
    export modules firmware='' store_image=''
}

# A start that makes every kind of file: disk image, store image, empty disks, registration, initrd, and
# the unpacked kernel or, if $firmware is set, EFI variables. Image and variables are in $images.
# $store_image is runVm.storeImage, "pack" if it is empty. START_BY=exec: run-vm replaces the shell.
start_all() {
    rm -f "$HOME/sums"
    NIX_DISK_IMAGE=${images:-$CALLER}/disk.qcow2 NIX_EFI_VARS=${images:-$CALLER}/vars.fd \
        ${START_BY:-command} "$RUN_VM_PROGRAM" --config "$CALLER/everything.json" --kernel "$CALLER/system/kernel" \
        --modules-dir "$modules" --init /init --guest-init "$CALLER/system/guest-init" \
        --accel tcg -o "virtualisation.useEFIBoot=${firmware:-false}" \
        -o virtualisation.writableStore=false -o "runVm.storeImage=${store_image:-pack}" "$@"
}

# leftovers DIRECTORY...: prints incomplete files, of which a failed start must leave none.
leftovers() {
    find "$@" \( -name '.run-vm-*' -o -name '.new-*' -o -name '.old-*' -o -name 'nix-vm.*' \) -print
}

# Replaces nix-store by a script that repeats its first answers: many starts ask the same.
remember_nix_store() {
    start_all
    mkdir -p bin
    cat "$XDG_CACHE_HOME"/run-vm/closure-*/store-paths >bin/query
    sed 's/^sha256://' "$XDG_CACHE_HOME"/run-vm/closure-*/registration >bin/dump
    printf '#!/bin/sh\ncase $* in\n*--query*) cat %q ;;\n*) cat %q ;;\nesac\n' \
        "$PWD/bin/query" "$PWD/bin/dump" >bin/nix-store
    chmod +x bin/nix-store
    export PATH=$PWD/bin:$PATH
}
