#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Guests of other processors: a tree with Debian's kernel, which alone says for which one it is, and the
# demonstration system.

load nix
load emulators

setup_file() {
    fetch_emulators
    export QEMU_OPTS=$EMULATOR_FILES
}

# make_tree ARCHITECTURE SUITE: makes the tree $TREE, of Debian's busybox and kernel.
make_tree() {
    local scripts=$BATS_TEST_DIRNAME/../../scripts kernel packages applet
    kernel=$("$scripts/fetch-kernel" --architecture "$1" "$2")
    # those of the demonstration system
    packages=$("$scripts/fetch-package" --architecture "$1" "$2" nix-bin busybox-static)
    TREE=$BATS_TEST_TMPDIR/tree
    mkdir -p "$TREE"/{bin,boot,lib/modules,root,tmp}
    cp "$packages/usr/bin/busybox" "$TREE/bin"
    for applet in sh uname grep cat mount df sha256sum mkdir; do
        ln -s busybox "$TREE/bin/$applet"
    done
    cp "$kernel"/vmlinu[xz]-* "$TREE/boot"
    MODULES=$(echo "$kernel"/lib/modules/*)
}

# run_tree OPTION...: starts the tree; standard output and standard error are in the files out and err.
run_tree() {
    cd "$BATS_TEST_TMPDIR" || return
    USE_TMPDIR=1 TMPDIR=$PWD timeout --foreground --kill-after=30 "$TIME_LIMIT" "$RUN_VM_PROGRAM" -r "$TREE" \
        --modules-dir "$MODULES" "$@" </dev/null >out 2>err && return
    tail -n 40 out err
    return 1
}

# disk FILE: the disk image's file system is sound, in the file `raw`.
disk() {
    qemu-img convert -O raw "$1" raw
    e2fsck -fn raw
}

# tree CPU ARCHITECTURE SUITE: a command runs in the tree; the disk that init formats is sound, with a file from
# a share. The modules in the initrd are stripped.
tree() {
    make_tree "$2" "$3"
    export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
    mkdir "$BATS_TEST_TMPDIR/share"
    seq 100000 >"$BATS_TEST_TMPDIR/share/numbers"
    run_tree -o runVm.stripModules=true --share "$BATS_TEST_TMPDIR/share:/mnt" -o virtualisation.emptyDiskImages=[64] \
        -o 'virtualisation.fileSystems={"/data":{"device":"/dev/vda","fsType":"ext4","autoFormat":true,"neededForBoot":true}}' \
        --exec sh -c 'uname -m; grep -c " / overlay " /proc/mounts; sha256sum </mnt/numbers; cat /mnt/numbers >/data/file'
    [ "$(head -n 2 out | tr '\n' ' ')" = "$1 1 " ]
    grep -q "$(sha256sum <share/numbers | cut -c 1-64)" out
    disk empty0.qcow2
    debugfs -R 'cat /file' raw 2>/dev/null | cmp - share/numbers
    cpio -idm --quiet '*/virtio_net.ko' <"$(echo cache/run-vm/initrd-*/initrd)"
    readelf --wide --sections "$(find . -name virtio_net.ko)" >sections
    says sections ' \.modinfo '
    run -1 grep ' \.comment ' sections
}

# rows DATABASE PATH: prints what Nix's database says of all store paths but PATH.
rows() {
    sqlite3 "$1" "select path, hash, narSize, deriver, ultimate, sigs, ca from ValidPaths where path != '$2' order by path;
        select a.path, b.path from Refs join ValidPaths a on a.id = referrer join ValidPaths b on b.id = reference
        where a.path != '$2' order by a.path, b.path"
}

# system CPU [OPTION...]: the demonstration system boots from a store image, with a share on virtiofs; its Nix finds
# the closure in a database that has the rows of one that Nix makes here.
system() {
    local registration
    DEMO_CONFIG=$(GUEST_CPU=$1 "$BATS_TEST_DIRNAME/../../scripts/build-demo")
    export DEMO_CONFIG NIX_DISK_IMAGE=$BATS_TEST_TMPDIR/$1.qcow2
    boot "$@" -o virtualisation.useNixStoreImage=true -o runVm.transport=virtiofs <<<"set -eux
grep ' / ext4 ' /proc/mounts
grep ' /nix/.ro-store erofs ro' /proc/mounts
grep ' /tmp/xchg virtiofs ' /proc/mounts
[ \$(uname -m) = $1 ]
mkdir /tmp/xchg/db
cp /nix/var/nix/db/db.sqlite* /tmp/xchg/db
[ ! -e /sys/firmware/efi ] || touch /tmp/xchg/efi
system=\$(readlink -f /run/current-system)
nix-store --query --requisites \$system >/tmp/xchg/requisites
nix-store --verify-path \$system \$(readlink -f /etc/nix)"
    worked "$1"
    same_closure "$BATS_FILE_TMPDIR/$1/xchg/requisites"
    cd "$BATS_TEST_TMPDIR" || return
    disk "$1.qcow2"
    registration=$(configured .system.build.regInfo)
    nix-store --store "$PWD/here" --load-db <"$(configured .runVm.store)$registration/registration" 2>/dev/null
    rows here/nix/var/nix/db/db.sqlite '' >expected
    [ "$(wc -l <expected)" -gt 10 ]
    rows "$BATS_FILE_TMPDIR/$1/xchg/db/db.sqlite" "$registration" | diff expected -
}

@test "aarch64: a tree with its kernel runs a command, and has a disk and a share" {
    tree aarch64 arm64 bookworm
}

@test "riscv64: a tree with its kernel runs a command, and has a disk and a share" {
    tree riscv64 riscv64 trixie
}

@test "make install installs the inits, of which run-vm takes the guest's" {
    local cpu dest=$BATS_TEST_TMPDIR/dest
    make -s -C "$BATS_TEST_DIRNAME/../.." install DESTDIR="$dest" PREFIX=/usr INSTALL_PACKAGES=no
    for cpu in aarch64 riscv64; do
        "$dest/usr/bin/run-vm" --config "$DEMO_CONFIG" -o "nixpkgs.hostPlatform=$cpu-linux" --dry-run=json >"$dest/plan"
        [ "$(realpath "$(jq -r .initrd.init "$dest/plan")")" = "$dest/usr/libexec/run-vm/init-$cpu" ]
        # no build ID, which would be another one in each build directory
        [ -z "$(readelf --notes "$dest/usr/libexec/run-vm/init-$cpu")" ]
    done
}

@test "aarch64: the demonstration system boots by EFI, from a store image, with virtiofs" {
    system aarch64 -o virtualisation.useEFIBoot=true
    [ -e "$BATS_FILE_TMPDIR/aarch64/xchg/efi" ]
}

@test "riscv64: the demonstration system boots from a store image, with virtiofs" {
    system riscv64
}

@test "aarch64: the console of a compressed kernel shows why the boot ended" {
    local kernel
    make_tree arm64 bookworm
    # which others, Ubuntu among them, compress as a whole
    kernel=$(echo "$TREE"/boot/vmlinuz-*)
    gzip -1 "$kernel"
    mv "$kernel.gz" "$kernel"
    run_tree --init /bin/nothing --append vm.onfail=poweroff
    says out 'run-vm: the boot failed at "stage 2": stage 2 .init=/bin/nothing. cannot be started'
}
