#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A build by somebody else's packaging: the guest's libraries are a directory, every tool of the compiler
# is a variable, and PATH has neither those nor apt. Compiles some files of each half, the rest is taken
# from build/; RUN_VM_LONG=1 compiles everything.

bats_require_minimum_version 1.5.0

# Programs that the build takes from PATH: nothing but the standard ones.
STANDARD=(cat find grep install mkdir mv nproc rm sed stat touch)

# given NAME PROGRAM: makes given/NAME, which runs a program of this machine and records that.
given() {
    printf '#!/bin/sh\necho %s >>"%s/used"\nPATH=/usr/bin:/bin exec %s "$@"\n' "$1" "$PWD" "$2" >"given/$1"
    chmod +x "given/$1"
}

# Makes a copy of the sources and of what is built.
copy_tree() {
    cp -a "$BATS_TEST_DIRNAME"/../../{Makefile,base,common,completions,host,init,man,scripts,tools} copy/
    printf '#!/bin/sh\necho "guest-libs was run" >&2\nexit 1\n' >copy/scripts/guest-libs
    [ -z "${RUN_VM_LONG:-}" ] || return 0
    mkdir -p copy/build/guest copy/build/tools
    cp -a "$RUN_VM_BUILD"/native "$RUN_VM_BUILD"/run-vm "$RUN_VM_BUILD"/init copy/build/
    cp -a "$RUN_VM_BUILD"/guest/{base,common,init,init.debug} copy/build/guest/
    cp -a "$RUN_VM_BUILD"/tools/{manual,completions} copy/build/tools/
    touch copy/host/commandline.c copy/init/main.c
}

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    mkdir copy path given programs
    copy_tree
    cp -aL "$RUN_VM_BUILD/guest/libs" libs
    local name
    for name in "${STANDARD[@]}"; do
        ln -s "$(type -P "$name")" path/
    done
    ln -s "$(type -P bash)" given/shell
    given the-cc gcc
    given the-ar gcc-ar
    given the-musl-cc musl-gcc
    given the-strip strip
    given the-readelf readelf
    given the-pkg-config pkg-config
    given the-scdoc scdoc
    build
}

# build: installs into $PWD/dest with an environment that has only the PATH.
build() {
    local of=$PWD/given
    env -i PATH="$PWD/path" HOME=/nonexistent "$(type -P make)" --no-print-directory -C copy install \
        INSTALL_PACKAGES=no DESTDIR="$PWD/dest" PREFIX=/opt/run-vm SHELL="$of/shell" CC="$of/the-cc" \
        AR="$of/the-ar" MUSL_CC="$of/the-musl-cc" STRIP="$of/the-strip" READELF="$of/the-readelf" \
        PKG_CONFIG="$of/the-pkg-config" SCDOC="$of/the-scdoc" GUEST_LIBS="$PWD/libs" \
        RUN_VM_PATH="/nonexistent:$PWD/programs" LIBARCHIVE="$PWD/programs/archive.so"
}

setup() {
    cd "$BATS_FILE_TMPDIR" || return
    program=$PWD/dest/opt/run-vm/bin/run-vm
}

# dry_run PATH ARGUMENT...: the installed program's plan for a kernel without modules.
dry_run() {
    mkdir -p modules
    touch kernel
    env PATH="$1" "$program" --dry-run=json --accel tcg -k kernel --modules-dir modules "${@:2}"
}

@test "make install needs the given tools and libraries, standard programs and nothing else" {
    [ "$(sort -u used | tr '\n' ' ')" = "the-ar the-cc the-musl-cc the-pkg-config the-readelf the-scdoc the-strip " ]
    grep -q "$PWD/libs/lib/libkmod.a" copy/build/guest/init.map
    run -0 "$program" --version
    [[ $output == run-vm\ * ]]
    [ -s dest/opt/run-vm/share/man/man1/run-vm.1 ]
    [ -s dest/opt/run-vm/share/zsh/site-functions/_run-vm ]
    # the installed run-vm finds the installed init
    run -0 --separate-stderr dry_run "$PATH"
    [ "$(realpath "$(jq -r .initrd.init <<<"$output")")" = "$(realpath dest/opt/run-vm/libexec/run-vm/init)" ]
}

@test "programs are found in RUN_VM_PATH, but after the user's PATH" {
    local name
    for name in qemu-img qemu-system-x86_64; do
        cp /bin/true "programs/$name"
    done
    run -0 --separate-stderr dry_run /nowhere
    [ "$(jq -r '.argv[0]' <<<"$output")" = "$PWD/programs/qemu-system-x86_64" ]
    run -0 --separate-stderr dry_run "$PATH"
    [ "$(jq -r '.argv[0]' <<<"$output")" = "$(type -P qemu-system-x86_64)" ]
    run -69 dry_run /nowhere -o nixpkgs.hostPlatform=riscv64-linux
    [[ $output == *"not found on PATH, nor in /nonexistent:$PWD/programs; Debian has it"* ]]
}

@test "libarchive is opened by the path that the build has chosen" {
    local start=(env HOME="$PWD" XDG_CACHE_HOME="$PWD/cache" "$program" --accel tcg -k kernel.xz
        --modules-dir lib/modules/6.1.0 --root-dir tree -o virtualisation.qemu.package="$PWD/machine")
    mkdir -p tree machine/bin lib/modules/6.1.0 cache
    chmod 700 cache
    printf '#!/bin/sh\nexit 0\n' >machine/bin/qemu-kvm
    chmod +x machine/bin/qemu-kvm
    python3 "$BATS_TEST_DIRNAME/small-kernel" 700000 >kernel.xz
    touch lib/modules/6.1.0/modules.{order,builtin,builtin.modinfo}
    depmod -b . 6.1.0
    run -69 "${start[@]}"
    [[ $output == *"$PWD/programs/archive.so"* ]]
    ln -s "$(ldconfig -p | sed -n 's/.*libarchive\.so\.13.*=> //p' | head -n 1)" programs/archive.so
    run -0 "${start[@]}"
}

@test "a library that is missing in GUEST_LIBS is named" {
    rm libs/lib/libkmod.a
    run -2 build
    [[ $output == *"$PWD/libs/lib/libkmod.a"* ]]
}
