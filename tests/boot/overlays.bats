#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Overlays of the configuration (fileSystems.X.overlay), and the configuration's own filesystems.
# shellcheck disable=SC2016 # the guest's shell, or jq, is to expand it

load harness
load command

setup_file() {
    make_root
    make_guest
    mkdir -p "$BATS_FILE_TMPDIR/lower/inside" "$BATS_FILE_TMPDIR/second:x"
    echo lower >"$BATS_FILE_TMPDIR/lower/file"
    echo kept >"$BATS_FILE_TMPDIR/lower/inside/kept"
    echo second | tee "$BATS_FILE_TMPDIR/second:x/file" >"$BATS_FILE_TMPDIR/second:x/only"
}

# settings JQ: writes the file `config.json` with the value of the expression; $dir is the directory of
# the lower layers.
settings() {
    jq -n --arg dir "$BATS_FILE_TMPDIR" "$1" >"$BATS_TEST_TMPDIR/config.json"
    export OPTIONS="--config $BATS_TEST_TMPDIR/config.json"
}

@test "writes land in the upper layer, which is made on a filesystem that is mounted first" {
    settings '{virtualisation: {
        sharedDirectories: {a: {source: "\($dir)/lower", target: "/a"},
                            second: {source: "\($dir)/second:x", target: "/second:x, y"}},
        fileSystems: {
            "/merged": {overlay: {lowerdir: ["/a", "/second:x, y"], upperdir: "/up/deep/upper",
                                  workdir: "/up/deep/work"}, neededForBoot: true},
            "/up": {fsType: "tmpfs", neededForBoot: true},
            "/both": {overlay: {lowerdir: ["/second:x, y", "/a"]}, neededForBoot: true},
            "/later": {overlay: {lowerdir: ["/a", "/b"]}},
            "/gone": {fsType: "tmpfs", neededForBoot: true, enable: false}}}}'
    local before
    before=$(fingerprint "$BATS_FILE_TMPDIR/lower")
    ends 0 sh -c 'set -e
        cat /merged/file /merged/only /merged/inside/kept /both/file
        echo new >/merged/inside/new
        echo changed >/merged/file
        rm /merged/only
        cat /up/deep/upper/file /up/deep/upper/inside/new
        if touch /both/x 2>/dev/null; then exit 9; fi
        ls -d /merged/* /gone /later 2>/dev/null || true'
    diff - "$BATS_TEST_TMPDIR/out" <<<"lower
second
kept
second
changed
new
/merged/file
/merged/inside"
    [ "$before" = "$(fingerprint "$BATS_FILE_TMPDIR/lower")" ]
}

@test "the error names the layer that cannot be had" {
    settings '{virtualisation: {fileSystems: {"/merged": {overlay: {lowerdir: ["/missing"],
        upperdir: "/u", workdir: "/w"}, neededForBoot: true}}}}'
    ends 125 true
    says "$BATS_TEST_TMPDIR/err" 'overlay on /merged.*lower layer /missing cannot be opened'
}

@test "without filesystems of the machine, those of the configuration count" {
    settings '{fileSystems: {"/own": {fsType: "tmpfs", options: ["size=1234k"], neededForBoot: true}},
        virtualisation: {fileSystems: {_type: "override", priority: 50, content: {}}}}'
    ends 0 sh -c 'grep -E "^[^ ]* (/own|/tmp/xchg) " /proc/mounts'
    says "$BATS_TEST_TMPDIR/out" '^tmpfs /own tmpfs .*size=1236k'
    run ! grep xchg "$BATS_TEST_TMPDIR/out"
}
