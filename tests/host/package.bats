#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The Debian package: made, examined, installed on this machine in a mount namespace of its own, used and
# removed. RUN_VM_LONG=1 makes it from nothing but what git knows, with the unit tests, and installs it by
# apt, with everything that it depends on and nothing else, in a clean Debian, where it boots that Debian.

bats_require_minimum_version 1.5.0

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    TOP=$(realpath "$BATS_TEST_DIRNAME/../..")
    export TOP
    "$TOP/scripts/build-deb" "$RUN_VM_BUILD/deb" >deb
}

setup() {
    cd "$BATS_FILE_TMPDIR" || return
    deb=$(cat deb)
    [[ $deb == */run-vm_*.deb ]]
}

field() {
    dpkg-deb -f "$deb" "$1"
}

# contents: prints the package's files but its documents, below /usr, without .gz.
contents() {
    dpkg-deb --fsys-tarfile "$deb" | tar -t | grep -v '/$' |
        sed '\,^\./usr/share/\(doc\|lintian\)/,d; s,^\./usr/,,; s,\.gz$,,' | LC_ALL=C sort
}

# tree_make TARGET: in the tree, with the package's paths.
tree_make() {
    make -s -C "$TOP" "$1" DESTDIR="$PWD/dest" PREFIX=/usr INSTALL_PACKAGES=no
}

@test "the package has the Makefile's version, and names programs and the sources in init" {
    [ "$(field Version)" = "$(sed -n 's/^VERSION := //p' "$TOP/Makefile")" ]
    [ "$(field Version)" = "$("$RUN_VM_PROGRAM" --version | cut -d ' ' -f 2)" ]
    [[ $(field Depends) == *libarchive13*qemu-system-x86*" | qemu-system,"*qemu-utils*libc6*libjansson4* ]]
    local library
    while read -r library; do
        [[ $(field Built-Using) == *"${library% *} (= ${library#* })"* ]]
    done <"$RUN_VM_BUILD/guest/libs/versions"
    [[ $(field Built-Using) == *"musl (= "* ]]
    # every program whose absence run-vm reports is in a package that this one names
    local package
    while read -r package; do
        grep -qw -- "$package" <(field Depends; field Recommends; field Suggests) || {
            echo "$package is not named"
            return 1
        }
    done < <(sed -n 's/^ *{"[^"]*", "\([a-z0-9-]*\)"},$/\1/p' "$TOP/host/system/process.c" | grep -v ^qemu-system-)
}

@test "lintian finds no error and no warning" {
    run -0 lintian --allow-root --fail-on error,warning --tag-display-limit 0 "$RUN_VM_BUILD"/deb/run-vm_*.changes
    [ -z "$output" ]
}

@test "make install installs the package's files, and make uninstall removes them" {
    tree_make install
    (cd dest/usr && find . -type f | sed 's,^\./,,' | LC_ALL=C sort) >list
    contents | sed 's,/vendor-completions/,/site-functions/,' | diff - <(grep -v '^libexec/run-vm/init-' list)
    grep -qx libexec/run-vm/init list
    # init for other processors, of which `make check` has none yet (see boot/processors.bats)
    (cd "$RUN_VM_BUILD" && find . -maxdepth 1 -name 'init-*' | sed 's,^\./,libexec/run-vm/,' | LC_ALL=C sort) |
        diff - <(grep '^libexec/run-vm/init-' list)
    tree_make uninstall
    [ -z "$(find dest ! -type d)" ]
    [ ! -d dest/usr/libexec/run-vm ]
}

@test "debian/rules runs the unit tests, but not with nocheck" {
    cd "$TOP" || return
    run -0 env DEB_BUILD_OPTIONS= DEB_BUILD_PROFILES= debian/rules --no-print-directory --dry-run override_dh_auto_test
    [[ $output == *check-unit* ]]
    run -0 env DEB_BUILD_OPTIONS='nocheck parallel=2' debian/rules --no-print-directory --dry-run override_dh_auto_test
    [[ $output != *check-unit* ]]
    run -0 env DEB_BUILD_OPTIONS= DEB_BUILD_PROFILES=nocheck debian/rules --no-print-directory --dry-run override_dh_auto_test
    [[ $output != *check-unit* ]]
}

@test "from nothing but what git knows, with the unit tests, comes the same package" {
    [ -n "${RUN_VM_LONG:-}" ] || skip "compiles everything: only with RUN_VM_LONG=1"
    # the unit tests as a build has them, without the campaigns
    DEB_BUILD_OPTIONS=noautodbgsym run --separate-stderr env -u RUN_VM_LONG "$TOP/scripts/build-deb" --clean clean
    # shellcheck disable=SC2154 # set by run
    [ "$status" = 0 ] || { grep -aE "FAILED|failed|Error" clean/log; echo "$stderr"; return 1; }
    contents >list
    deb=$output
    contents | diff list -
}

@test "installed, a user runs it, and removed, nothing is left" {
    [ "$(id -u)" = 0 ] || skip "only root can install a package"
    cat >session <<'END'
set -ex
cd /usr
[ "$(type -P run-vm)" = /usr/bin/run-vm ]
man run-vm.json | grep -q memorySize
install -d -o 1234 /home/user /home/user/tree
touch /home/user/kernel
user=(setpriv --reuid 1234 --regid 1234 --clear-groups env -i HOME=/home/user PATH=/usr/bin:/bin)
"${user[@]}" run-vm --version
"${user[@]}" run-vm --dry-run=json -k /home/user/kernel --root-dir /home/user/tree --accel tcg |
    jq -r .initrd.init
bash -ic 'source /usr/share/bash-completion/bash_completion; _completion_loader run-vm; complete -p run-vm' >&2
zsh -fic 'autoload -Uz compinit && compinit -u -D && (( $+_comps[run-vm] ))' >&2
[ "$(fish -c "complete -C 'run-vm --acce'" | cut -f 1)" = --accel ]
dpkg --purge run-vm >&2
find /usr /etc -newer /home/user/kernel -name '*run-vm*'
END
    run --separate-stderr "$TOP/tests/installed" "$PWD" bash "$PWD/session"
    # shellcheck disable=SC2154 # set by run
    echo "$output" "$stderr"
    [ "$status" = 0 ]
    [[ ${lines[0]} == "run-vm $(field Version)" ]]
    [ "$(realpath -m "${lines[1]}")" = /usr/libexec/run-vm/init ]
    [ "${#lines[@]}" = 2 ]
}

@test "in a clean Debian apt installs it with what it depends on, and a user boots that Debian" {
    [ -n "${RUN_VM_LONG:-}" ] || skip "downloads QEMU: only with RUN_VM_LONG=1"
    [ "$(id -u)" = 0 ] || skip "only root can install a package"
    local kernel
    kernel=$("$TOP/scripts/fetch-kernel")
    cp -a "$("$TOP/scripts/debian-root")/root" clean
    cp "$(cat deb)" clean/run-vm.deb
    cp "$kernel"/vmlinuz-* clean/kernel
    cp -rL "$kernel/lib/modules" clean/modules
    cp -L /etc/resolv.conf clean/etc/
    [ ! -d /etc/apt/apt.conf.d ] || cp -rL /etc/apt/apt.conf.d clean/etc/apt/
    cat >clean/session <<'END'
set -ex
export DEBIAN_FRONTEND=noninteractive
mount -t proc proc /proc
mount --rbind /old-root/dev /dev
umount --lazy /old-root
apt-get update
apt-get install -q -y --no-install-recommends /run-vm.deb
install -d -o 1234 /home/user
cd /home/user
HOME=$PWD setpriv --reuid 1234 --regid 1234 --clear-groups timeout 300 run-vm --kernel /kernel \
    --modules-dir /modules/* --root-dir / --root-dir-owner=keep --accel tcg --exec cat /etc/hostname >/answer
END
    # not chroot, in which nobody can make a user namespace
    run -0 unshare --mount --propagation private bash -ec '
        mount --bind clean clean
        cd clean
        mkdir -p old-root
        pivot_root . old-root
        exec bash /session'
    [ "$(cat clean/answer)" = "$(cat clean/etc/hostname)" ]
}
