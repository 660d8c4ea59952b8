# SPDX-License-Identifier: MIT
# The regression gate of the host half: instructions, which a busy host does not change.

load start

# Fetches into the user's cache; each test has one of its own.
setup_file() {
    VALGRIND=$("$BATS_TEST_DIRNAME/../../scripts/fetch-package" trixie valgrind)
    PLACE=$(mktemp -d /tmp/run-vm-XXXXXX)
    export VALGRIND PLACE
}

teardown_file() {
    rm -rf "$PLACE"
}

# Paths and variables are the same everywhere: each byte of a path is copied, escaped and hashed. Of the
# processes that are counted, run-vm has the most: another becomes QEMU.
@test "a start whose files are there executes no more instructions than recorded" {
    local recorded figure
    recorded=$(sed -n 's/^start //p' "$BATS_TEST_DIRNAME/../bench/recorded")
    export BATS_TEST_TMPDIR=$PLACE
    setup
    cp "$RUN_VM_PROGRAM" "$PLACE/run-vm"
    RUN_VM_PROGRAM=$PLACE/run-vm PATH=/usr/bin:/bin
    cat >counting <<COUNTING
#!/bin/sh
exec env -i PATH="$PATH" HOME="$HOME" TMPDIR="$TMPDIR" XDG_CACHE_HOME="$XDG_CACHE_HOME" \
    XDG_RUNTIME_DIR="$XDG_RUNTIME_DIR" VALGRIND_LIB="$VALGRIND/usr/libexec/valgrind" \
    "$VALGRIND/run" valgrind.bin --tool=callgrind --callgrind-out-file=/dev/null "$RUN_VM_PROGRAM" "\$@"
COUNTING
    chmod +x counting
    run_vm
    RUN_VM_PROGRAM=$PWD/counting run_vm 2>counted
    figure=$(awk '/Collected :/ && $NF > most { most = $NF } END { print most / 1e6 }' counted)
    echo "# host speed: $figure million instructions, recorded: $recorded" >&3
    awk -v now="$figure" -v recorded="$recorded" 'BEGIN { exit !(now > 0 && now <= recorded * 1.08) }'
}
