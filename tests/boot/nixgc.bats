#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Garbage collection in the guest by the real Nix, on a store whose writable layer lasts. The booted
# system stays, and so do the files that the next boot and stage 2's own registration read.

load harness

setup_file() {
    PARAMS=vm.store.overlay=root boot first <<'END'
set -eux
cd /tmp/xchg
garbage=$(nix-store --add /bin/busybox || nix-store --add /etc/passwd)
echo "$garbage" >garbage
# only run-vm's own GC roots keep paths
rm -f /nix/var/nix/gcroots/current-system
nix-store --gc >gc 2>&1
ls /nix/store >left
for root in /nix/var/nix/gcroots/run-vm/*; do readlink "$root"; done | sort >roots
nix-store --verify --check-contents >verify 2>&1
nix --offline path-info --all | sort >registered
END
    PARAMS=vm.store.overlay=root boot second <<'END'
set -eux
cd /tmp/xchg
nix-store --verify --check-contents >verify 2>&1
nix --offline path-info --all | sort >registered
nix-store --load-db <"$(sed 's/.*regInfo=\([^ ]*\).*/\1/' /proc/cmdline)"
END
}

of() { # BOOT FILE
    cat "$BATS_FILE_TMPDIR/$1/xchg/$2"
}

@test "the booted system and the registration have roots" {
    worked first
    system=$(configured .system.build.toplevel) registration=$(configured .system.build.regInfo)
    of first roots | diff <(printf '%s\n' "$system" "$registration" | sort) -
}

@test "a garbage collection takes garbage and nothing else" {
    worked first
    garbage=$(basename "$(of first garbage)")
    run ! grep -Fx "$garbage" "$BATS_FILE_TMPDIR/first/xchg/left"
    while read -r path; do
        grep -Fxq "${path##*/}" "$BATS_FILE_TMPDIR/first/xchg/left"
    done <"$(configured .runVm.store)$(configured .system.build.regInfo)/store-paths"
    grep -Fxq "$(basename "$(configured .system.build.regInfo)")" "$BATS_FILE_TMPDIR/first/xchg/left"
    run ! grep -e error -e 'was modified' -e 'disappeared' -e 'skipping invalid' \
        "$BATS_FILE_TMPDIR/first/xchg/verify" "$BATS_FILE_TMPDIR/first/xchg/gc"
}

@test "the next boot, and stage 2's own registration, find everything" {
    worked second
    diff <(of first registered) <(of second registered)
    run ! grep -e error -e 'was modified' -e 'disappeared' "$BATS_FILE_TMPDIR/second/xchg/verify"
}
