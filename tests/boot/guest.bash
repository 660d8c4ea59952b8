# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Boots of the guest half alone: kernel, init and a small root, without run-vm. For cases that the host
# half never makes: other kernels and disks, broken initrds, missing consoles.
#
# Everything is in $BATS_FILE_TMPDIR: `tree` is a root with busybox, whose /sbin/init runs /test.sh and
# powers off; NAME.console is a boot's output, NAME.status QEMU's status (124: time limit). Every boot
# has the share "tree", which is the root unless the test sets another.

load harness

# kernel [SUITE [PACKAGE]]: sets the kernel of the next initrds and boots (KERNEL, MODULES, VERSION).
kernel() {
    local directory
    directory=$("$BATS_TEST_DIRNAME/../../scripts/fetch-kernel" "$@" 2>"$BATS_FILE_TMPDIR/fetch-kernel")
    KERNEL=$(echo "$directory"/vmlinuz-*)
    VERSION=${KERNEL##*/vmlinuz-}
    MODULES=$directory/lib/modules/$VERSION
    export KERNEL VERSION MODULES
}

# unpacked BZIMAGE: prints the path of the ELF file in it, which is made once for all test files. It boots in
# half the time: an emulated processor unpacks slowly.
unpacked() {
    local elf=$BATS_SUITE_TMPDIR/${1##*/}.elf lock setup offset length program
    exec {lock}>"$elf.lock"
    flock "$lock"
    for program in xz zstd lz4; do
        [ ! -e "$elf" ] || break
        # Linux's Documentation/arch/x86/boot.rst: setup_sects, payload_offset, payload_length; the payload
        # ends with its unpacked size
        setup=$(od -An -tu1 -j 0x1f1 -N 1 "$1")
        read -r offset length < <(od -An -tu4 -j 0x248 -N 8 "$1")
        tail -c "+$(((setup + 1) * 512 + offset + 1))" "$1" | head -c "$((length - 4))" |
            "$program" -dc >"$elf.new" 2>/dev/null && mv "$elf.new" "$elf"
    done
    exec {lock}>&-
    ls "$elf"
}

# tree DIRECTORY: makes a root with busybox and a stage 2 that runs the script on standard input.
tree() {
    local applet
    mkdir -p "$1"/{bin,sbin,etc,proc,sys,dev,run,tmp,nix/store}
    cp "$(command -v busybox)" "$1/bin/busybox"
    for applet in $(busybox --list); do
        [ -e "$1/bin/$applet" ] || ln -s busybox "$1/bin/$applet"
    done
    cat >"$1/sbin/init" <<'END'
#!/bin/sh
export PATH=/bin
echo # the firmware may have left the cursor in the middle of a line
echo "stage 2 is PID $$"
. /test.sh
echo "stage 2 ends"
sync
poweroff -f
END
    chmod 755 "$1/sbin/init"
    cat >"$1/test.sh"
}

# initrd FILE [MODULE...]: makes an initrd of init, these modules and their dependencies. $EXTRA: a
# directory to add. $COMPRESS: a program (gzip, xz, zstd) that compresses the modules.
initrd() {
    local file=$1 directory module
    directory=$(mktemp -d "$BATS_FILE_TMPDIR/initrd.XXXXXX")
    shift
    mkdir -p "$directory/lib/modules/$VERSION"
    for module in "$@"; do
        modprobe -d "${MODULES%/lib/modules/*}" -S "$VERSION" --show-depends "$module"
    done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | sort -u | while read -r module; do
        install -D -m 644 "$module" "$directory/lib/modules/$VERSION/${module#"$MODULES"/}"
    done
    case ${COMPRESS:-} in
    xz) find "$directory" -name '*.ko' -exec xz --check=crc32 {} + ;;
    zstd) find "$directory" -name '*.ko' -exec zstd -q --rm {} + ;;
    esac
    cp "$MODULES"/modules.{order,builtin,builtin.modinfo} "$directory/lib/modules/$VERSION"
    depmod -b "$directory" "$VERSION"
    if [ "${COMPRESS:-}" = gzip ]; then
        # Debian's depmod does not support gzip and would ignore *.ko.gz;
        # libkmod goes by the content
        find "$directory" -name '*.ko' -exec gzip {} ';' -exec mv {}.gz {} ';'
    fi
    cp "$RUN_VM_BUILD/init" "$directory/init"
    if [ -n "${EXTRA:-}" ]; then
        cp -a "$EXTRA/." "$directory"
    fi
    (cd "$directory" && find . | cpio -o -H newc --quiet) >"$file"
    rm -rf "$directory"
}

# qemu NAME PARAMETERS [QEMU's arguments]: boots $INITRD until QEMU exits.
qemu() {
    local name=$1 parameters=$2
    shift 2
    timeout --kill-after=10 "${TIME_LIMIT:-120}" qemu-system-x86_64 -machine q35 -accel tcg -m "${MEMORY:-256}" \
        -nographic -no-reboot -nic none -kernel "$(unpacked "$KERNEL")" -initrd "$INITRD" \
        -fsdev "local,id=tree,path=${TREE:-$BATS_FILE_TMPDIR/tree},security_model=none,readonly=on" \
        -device virtio-9p-pci,fsdev=tree,mount_tag=tree \
        -append "console=ttyS0 quiet no_timer_check panic=-1 vm.onfail=poweroff $parameters" "$@" \
        >"$BATS_FILE_TMPDIR/$name.raw" 2>&1 <"${INPUT:-/dev/null}" || echo $? >"$BATS_FILE_TMPDIR/$name.status"
    [ -e "$BATS_FILE_TMPDIR/$name.status" ] || echo 0 >"$BATS_FILE_TMPDIR/$name.status"
    clean <"$BATS_FILE_TMPDIR/$name.raw" >"$BATS_FILE_TMPDIR/$name.console"
}

# conversation NAME PARAMETERS [REGEX ANSWER]...: boots, and types each answer on the console once output
# after the previous answer matches.
conversation() {
    local name=$1 parameters=$2 fifo=$BATS_FILE_TMPDIR/$1.in raw=$BATS_FILE_TMPDIR/$1.raw writer booting heard=0
    shift 2
    mkfifo "$fifo"
    touch "$raw"
    INPUT=$fifo qemu "$name" "$parameters" 3>&- &
    booting=$!
    exec {writer}>"$fifo"
    while [ $# -gt 0 ]; do
        while_runs "$booting" has_output "$raw" "$heard" "$1" || break
        heard=$(stat -c %s "$raw")
        # shellcheck disable=SC2059
        printf "$2" >&"$writer"
        shift 2
    done
    wait "$booting"
    exec {writer}>&-
}

# has_output FILE BYTES REGEX: a line of the file matches, after so many bytes.
has_output() {
    tail -c "+$(($2 + 1))" "$1" | grep -Eaq -- "$3"
}

# disk FILE: prints QEMU's arguments for a raw image on virtio.
disk() {
    echo "-drive file=$1,format=raw,if=virtio"
}

# reached NAME: stage 2 ran to its end, and QEMU exited with 0.
reached() {
    local status
    status=$(cat "$BATS_FILE_TMPDIR/$1.status")
    if [ "$status" != 0 ]; then
        echo "boot $1: status $status"
        tail -n 40 "$BATS_FILE_TMPDIR/$1.console"
        return 1
    fi
    says "$BATS_FILE_TMPDIR/$1.console" '^stage 2 ends'
}

# failed NAME REGEX: init ended the boot, with a reason that matches.
failed() {
    [ "$(cat "$BATS_FILE_TMPDIR/$1.status")" = 0 ] || says "$BATS_FILE_TMPDIR/$1.console" 'no status 0'
    says "$BATS_FILE_TMPDIR/$1.console" "run-vm: the boot failed at .*$2"
    run ! grep -q '^stage 2' "$BATS_FILE_TMPDIR/$1.console"
}

# told NAME REGEX: a line of the console matches.
told() {
    says "$BATS_FILE_TMPDIR/$1.console" "$2"
}
