# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Boots of a few seconds that run one command (run-vm --exec) in a root with nothing but busybox.

# make_root: makes the guest's root $ROOT; sets $KERNEL and $MODULES to its kernel and modules.
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

# make_guest: makes the program `guest`, which runs its arguments in a guest. $OPTIONS: options of run-vm
# before --exec.
make_guest() {
    mkdir "$BATS_FILE_TMPDIR/bin"
    export PATH=$BATS_FILE_TMPDIR/bin:$PATH TIME_LIMIT
    cat >"$BATS_FILE_TMPDIR/bin/guest" <<'END'
#!/bin/bash
# shellcheck disable=SC2086 # several arguments
exec timeout --foreground --kill-after=30 "$TIME_LIMIT" "$RUN_VM_PROGRAM" --kernel "$KERNEL" \
    --modules-dir "$MODULES" --root-dir "$ROOT" \
    ${OPTIONS:-} --exec "$@"
END
    chmod +x "$BATS_FILE_TMPDIR/bin/guest"
}

# ends STATUS COMMAND [ARGUMENT...]: the command exits with STATUS; its output is in the files out, err.
ends() {
    local status=0 expected=$1
    shift
    guest "$@" </dev/null >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
    [ "$status" = "$expected" ] && return
    echo "status $status, expected $expected; standard error:"
    cat "$BATS_TEST_TMPDIR/err"
    return 1
}
