#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Paths that break scripts, with blanks, commas, quotes, a dollar, letters beyond ASCII and a newline, as
# disk image, source and target of a share, and temporary directory.

load harness

@test "a guest boots whose files lie under a path of every kind of character" {
    local odd=$BATS_TEST_TMPDIR/$'a b,c\'d"e;f&g*{h} $HOME ü\n(i)=%s\\'
    mkdir -p "$odd"/{tmp,share}
    echo "seen by the guest" >"$odd/share/a file, 'odd'"
    cat >"$odd/share/test.sh" <<'END'
set -eux
cd "/mnt/an odd, \"target\" ü"
cat "a file, 'odd'" >"copied, by the guest"
cp /proc/cmdline cmdline
END
    # shellcheck disable=SC2016 # $ODD is expanded by run-vm
    ODD=$odd/share TMPDIR=$odd/tmp NIX_DISK_IMAGE="$odd/disk, 1.qcow2" \
        PARAMS=demo.run=/mnt/odd/test.sh \
        boot_as_is odd \
        -o 'virtualisation.sharedDirectories.odd.source="$ODD"' \
        -o 'virtualisation.sharedDirectories.odd.target=/mnt/odd' \
        -o 'virtualisation.sharedDirectories.again.source="$ODD"' \
        -o 'virtualisation.sharedDirectories.again.target=/mnt/an odd, "target" ü'
    ended odd
    [ "$(cat "$odd/share/test.sh.status")" = 0 ] || cat "$odd/share/test.sh.out"
    [ "$(cat "$odd/share/copied, by the guest")" = "seen by the guest" ]
    qemu-img info "$odd/disk, 1.qcow2" | grep -q 'file format: qcow2'
    [ -z "$(ls -A "$odd/tmp")" ]
}
