# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Boots of a few seconds that run one command (run-vm --exec) in a root with nothing but busybox.

# make_root: $ROOT is the guest's root, $KERNEL and $MODULES what boots it.
make_root() {
    local kernel busybox applet
    kernel=${RUN_VM_KERNEL_DIR:-$("$BATS_TEST_DIRNAME/../../scripts/fetch-kernel")}
    export ROOT=$BATS_FILE_TMPDIR/root KERNEL MODULES
    KERNEL=$(echo "$kernel"/vmlinuz-*)
    MODULES=$(echo "$kernel"/lib/modules/*)
    busybox=$(dpkg-query -L busybox-static | grep '/bin/busybox$')
    mkdir -p "$ROOT/bin" "$ROOT/root"
    cp "$busybox" "$ROOT/bin/busybox"
    for applet in $("$busybox" --list); do
        [ "$applet" = busybox ] || ln -s busybox "$ROOT/bin/$applet"
    done
}

# make_guest: the program guest COMMAND [ARGUMENT...] runs it. $OPTIONS: options of run-vm before
# --exec.
make_guest() {
    mkdir "$BATS_FILE_TMPDIR/bin"
    export PATH=$BATS_FILE_TMPDIR/bin:$PATH TIME_LIMIT
    cat >"$BATS_FILE_TMPDIR/bin/guest" <<'END'
#!/bin/bash
# shellcheck disable=SC2086 # several words
exec timeout --foreground --kill-after=30 "$TIME_LIMIT" "$RUN_VM_PROGRAM" --kernel "$KERNEL" \
    --modules-dir "$MODULES" --root-dir "$ROOT" \
    ${OPTIONS:-} --exec "$@"
END
    chmod +x "$BATS_FILE_TMPDIR/bin/guest"
}

# ends STATUS COMMAND [ARGUMENT...]: it exits with that; its streams are in files beside.
ends() {
    local status=0 expected=$1
    shift
    guest "$@" </dev/null >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
    [ "$status" = "$expected" ] && return
    echo "status $status, expected $expected; standard error:"
    cat "$BATS_TEST_TMPDIR/err"
    return 1
}
