#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Shares and the store as NixOS of today has them, over 9p: read-only ones, owners that only the guest sees,
# the store image's label.

load harness

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    mkdir -p read write
    python3 -c 'import os; os.setxattr("write", "user.test", b"x")' || return 0 # each test skips itself
    echo "the host's" >read/file
    export BEFORE
    BEFORE=$(fingerprint read)
    boot vm -o runVm.release=26.11 -o runVm.transport=9p -o virtualisation.useNixStoreImage=true \
        -o virtualisation.writableStore=true -o "virtualisation.sharedDirectories.read={\"source\":\"$PWD/read\",
            \"target\":\"/read\"}" -o "virtualisation.sharedDirectories.write={\"source\":\"$PWD/write\",
            \"target\":\"/write\",\"writable\":true,\"securityModel\":\"mapped-xattr\"}" <<'END'
set -eux
grep " /nix" /proc/mounts >/tmp/xchg/mounts
dd if=/dev/vdb bs=1 skip=1088 count=16 | tr -d '\0' >/tmp/xchg/label
[ "$(cat /read/file)" = "the host's" ]
grep -q '^read /read 9p ro' /proc/mounts
if touch /read/planted; then exit 9; fi
mount -o remount,rw /read
for attempt in 'touch /read/planted' 'rm /read/file' 'chmod 777 /read/file' 'ln -s x /read/link' 'echo >>/read/file'; do
    if sh -c "$attempt"; then exit 9; fi
done
echo x >/write/file
chown 12:34 /write/file
chmod 4711 /write/file
[ "$(stat -c '%u:%g %a' /write/file)" = "12:34 4711" ]
END
}

setup() {
    [ -n "${BEFORE:-}" ] || skip "no extended attributes here"
}

@test "a share is read-only unless it says otherwise, whatever the guest's root does" {
    worked vm
    [ "$(fingerprint "$BATS_FILE_TMPDIR/read")" = "$BEFORE" ]
}

@test "mapped-xattr: the guest's owners and modes are not the host's" {
    [ "$(stat -c '%u %a' "$BATS_FILE_TMPDIR/write/file")" = "$EUID 600" ]
}

@test "the store image has the label by which NixOS finds it, and the layer today's name" {
    [ "$(cat "$BATS_FILE_TMPDIR/vm/xchg/label")" = nix-store ]
    says "$BATS_FILE_TMPDIR/vm/xchg/mounts" '^overlay /nix/store .*upperdir=[^,]*/nix/.rw-store/upper,'
}
