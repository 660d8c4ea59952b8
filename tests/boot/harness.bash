# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Helpers of the boot tests: boot the demonstration system, and check the results.
#
# A boot has a name and a directory, $BATS_FILE_TMPDIR/NAME, so that all tests of a file can check the
# boots of its setup_file:
#   console       QEMU's output, without carriage returns and escape sequences
#   status        run-vm's exit status; 124: the time limit
#   xchg/         the shared directory; test.sh is the guest's script, test.sh.out its output
# Every boot uses the disk $BATS_FILE_TMPDIR/disk.qcow2, unless the test sets NIX_DISK_IMAGE.

bats_require_minimum_version 1.7.0

load ../waiting

# Machines of another file, which may run at the same time, are not on this file's list.
if [ -n "${BATS_FILE_TMPDIR:-}" ]; then
    export XDG_RUNTIME_DIR=$BATS_FILE_TMPDIR/runtime
    [ -d "$XDG_RUNTIME_DIR" ] || mkdir -m 700 "$XDG_RUNTIME_DIR"
fi

TIME_LIMIT=${TIME_LIMIT:-300} # seconds for a boot; QEMU without KVM on a busy machine is slow

# boot NAME [run-vm's arguments]: boots until QEMU exits. The guest runs the script on standard input; its
# /tmp/xchg is NAME/xchg afterwards. $PARAMS: more kernel parameters.
boot() {
    mkdir -p "$BATS_FILE_TMPDIR/$1/xchg"
    cat >"$BATS_FILE_TMPDIR/$1/xchg/test.sh"
    PARAMS="demo.run=/tmp/xchg/test.sh ${PARAMS:-}" TMPDIR=$BATS_FILE_TMPDIR/$1 USE_TMPDIR=1 \
        boot_as_is "$@"
}

# boot_as_is NAME [run-vm's arguments]: the same without a script, and with the caller's TMPDIR.
boot_as_is() {
    local directory=$BATS_FILE_TMPDIR/$1
    shift
    mkdir -p "$directory"
    (
        cd "$directory" || exit
        export QEMU_KERNEL_PARAMS="demo.action=poweroff ${PARAMS:-}"
        export NIX_DISK_IMAGE=${NIX_DISK_IMAGE:-$BATS_FILE_TMPDIR/disk.qcow2}
        timeout --kill-after=30 "$TIME_LIMIT" "$RUN_VM_PROGRAM" --config "$DEMO_CONFIG" "$@" \
            >raw 2>&1 </dev/null
        echo $? >status
    ) || true
    clean <"$directory/raw" >"$directory/console"
}

# Removes carriage returns, and the escape sequences of the firmware, of Nix and of run-vm.
clean() {
    tr -d '\r\017' | sed 's/\x1b\[[0-9;?>]*[a-zA-Z]//g; s/\x1b[78>c]//g; s/\x1b(B//g'
}

# console NAME: prints the console of a boot.
console() {
    cat "$BATS_FILE_TMPDIR/$1/console"
}

# ended NAME: the boot ended by itself, and run-vm exited with 0.
ended() {
    local status
    status=$(cat "$BATS_FILE_TMPDIR/$1/status")
    [ "$status" = 0 ] && return
    echo "boot $1: status $status; the console's end:"
    console "$1" | tail -n 40
    return 1
}

# worked NAME: the guest ran the script, and no command of it failed.
worked() {
    ended "$1" || return 1
    local xchg=$BATS_FILE_TMPDIR/$1/xchg
    [ "$(cat "$xchg/test.sh.status")" = 0 ] && return
    echo "boot $1: the script in the guest failed; its output:"
    cat "$xchg/test.sh.out"
    return 1
}

# says FILE REGEX: a line of the file matches; otherwise prints the end of the file.
says() {
    grep -Eq -- "$2" "$1" && return
    echo "no line of $1 matches: $2"
    tail -n 40 "$1"
    return 1
}

# wait_for FILE REGEX PID: waits until a line matches; fails once the process has ended.
wait_for() {
    while_runs "$3" grep -Eaqs -- "$2" "$1" || says "$1" "$2"
}

# qmp SOCKET COMMAND...: prints QEMU's answers; fails if one is an error, or if QEMU does not answer.
qmp() {
    local answer
    answer=$({
        printf '%s\n' '{"execute": "qmp_capabilities"}' "${@:2}"
    } | socat -t 120 - "UNIX-CONNECT:$1") || return
    echo "$answer"
    [[ $answer != *'"error"'* ]]
}

# begin CASE...: records that these cases of a campaign have begun; passed() records their success. A case
# of a test that fails stays as begun, which counts as a failure.
begin() {
    local name
    CASES=()
    for name; do
        CASES+=("$BATS_FILE_TMPDIR/cases.$BATS_TEST_NUMBER.${name// /-}")
        echo begun >"${CASES[-1]}"
    done
}

passed() {
    local file
    for file in "${CASES[@]}"; do
        echo ok >"$file"
    done
}

# figures NAME: prints a campaign's closing line.
figures() {
    local cases=0 failures=0 file
    for file in "$BATS_FILE_TMPDIR"/cases.*; do
        [ -e "$file" ] || continue
        cases=$((cases + 1))
        [ "$(cat "$file")" = ok ] || failures=$((failures + 1))
    done
    echo "# $1: $cases cases, $failures failures" >&3
}

# configured PATH: prints a value of the configuration, by its jq path.
configured() {
    jq -er "$1" "$DEMO_CONFIG"
}

# raw_image QCOW2: prints the path of its content as a raw (sparse) file.
raw_image() {
    qemu-img convert -O raw "$1" "$1.raw"
    echo "$1.raw"
}

# Prints a checksum of everything that a guest could change in a directory tree: names, types, modes,
# owners, sizes, modification times, targets of links, contents.
fingerprint() {
    (
        cd "$1" || exit
        find . -printf '%p %y %m %U:%G %s %T@ %l\n' | LC_ALL=C sort
        find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
    ) | sha256sum
}
