#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A raw disk image is passed to QEMU as raw, and stays raw whatever a guest writes to it.

load harness
load command

setup_file() {
    make_root
    make_guest
}

@test "a guest writes a header of another format to a raw image, and sees it as it wrote it" {
    local image="$BATS_TEST_TMPDIR/a raw, image" hostile=$BATS_TEST_TMPDIR/hostile.qcow2
    truncate -s 4M "$image"
    python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.test", b"x")' "$image" ||
        skip "no extended attributes here"
    echo "the host's secret" >"$BATS_TEST_TMPDIR/secret"
    truncate -s 1M "$BATS_TEST_TMPDIR/secret"
    qemu-img create -q -f qcow2 -F raw -b "$BATS_TEST_TMPDIR/secret" "$hostile" 4M
    jq -n --arg file "'$image'" '{virtualisation: {qemu: {drives: [{file: $file}]}}}' \
        >"$BATS_TEST_TMPDIR/drive.json"
    mkdir "$ROOT/hostile"
    cp "$hostile" "$ROOT/hostile"
    export OPTIONS="--config $BATS_TEST_TMPDIR/drive.json"
    ends 0 sh -c 'dd if=/hostile/hostile.qcow2 of=/dev/vda bs=4096 conv=fsync'
    run ! grep -e 'format was not specified' "$BATS_TEST_TMPDIR/err"
    cmp -n 4096 "$hostile" "$image"

    ends 0 sh -c 'cmp -n 65536 /dev/vda /hostile/hostile.qcow2 || head -c 100 /dev/vda'
    [ ! -s "$BATS_TEST_TMPDIR/out" ]
    says "$BATS_TEST_TMPDIR/err" 'a raw, image was raw when it was first used'
}
