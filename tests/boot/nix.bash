# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Helpers of the store's tests: questions for Nix in the guest, and checks of its answers.

load harness

# For a guest's script: writes Nix's view of store and database to /tmp/xchg.
ask_nix() {
    cat <<'END'
cd /tmp/xchg
nix-store --verify --check-contents >verify 2>&1
nix-store --query --requisites "$(readlink -f /run/current-system)" >requisites
nix --offline path-info --all | sort >registered
cat /root/kept >kept 2>/dev/null || true
END
}

# For a guest's script: builds a derivation if the store is writable; prints its path and content.
build_something() {
    cat <<'END'
busybox=$(dirname $(dirname $(readlink -f /run/current-system/sw/bin/busybox)))
cat >/root/trivial.nix <<NIX
derivation {
  name = "trivial";
  system = builtins.currentSystem;
  builder = builtins.storePath "$busybox" + "/bin/sh";
  args = [ "-c" "echo built in the guest > \$out" ];
}
NIX
nix-build --no-out-link /root/trivial.nix >built
cat $(cat built) >built-content
END
}

# xchg NAME FILE: prints a file that a boot left in xchg.
xchg() {
    cat "$BATS_FILE_TMPDIR/$1/xchg/$2"
}

# content NAME: Nix verified the store with its contents, without a complaint. (Complaints are printed
# between the announcements of its checks.)
content() {
    xchg "$1" verify | grep -q "checking store hashes" || return 1
    run grep -v -e ' store\.\.\.$' -e '^checking .*\.\.\.$' <(xchg "$1" verify | clean)
    echo "$output"
    [ -z "$output" ]
}

# same_closure FILE [PATH]...: compares store paths with the host's closure of the toplevel and PATHs.
same_closure() {
    {
        nix-store --store "$(configured .runVm.store)" --query --requisites \
            "$(configured .system.build.toplevel)" 2>/dev/null
        printf '%s\n' "${@:2}"
    } | sed '/^$/d' | sort >"$BATS_TEST_TMPDIR/host"
    sort "$1" | diff "$BATS_TEST_TMPDIR/host" -
}
