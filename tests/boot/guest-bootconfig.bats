#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# More parameters than fit the kernel's command line: they travel in the initrd's bootconfig.

load harness

@test "60 shares and 200 mounts reach the guest" {
    cd "$BATS_TEST_TMPDIR"
    local i
    for i in {1..60}; do
        mkdir "share $i"
        echo "$i" >"share $i/number"
    done
    jq --arg here "$PWD" '
        .virtualisation.sharedDirectories += ([range(1; 61)] | map({key: "s\(.)",
            value: {source: "\"\($here)/share \(.)\"", target: "/shares/number \(.)"}}) | from_entries)
        | .virtualisation.fileSystems += ([range(1; 201)] | map({key: "/mounts/\(.)",
            value: {device: "tmpfs", fsType: "tmpfs", neededForBoot: true, options: ["size=\(.)m", "mode=0700"]}})
            | from_entries)' "$DEMO_CONFIG" >config.json
    DEMO_CONFIG=$PWD/config.json boot many <<'END'
set -eu
[ "$(cat /shares/*/number | sort -n | tr '\n' ' ')" = "$(seq 60 | tr '\n' ' ')" ]
[ "$(grep -c ' /mounts/[0-9]* tmpfs ' /proc/mounts)" = 200 ]
grep -q ' /mounts/123 tmpfs rw,.*size=125952k,mode=700' /proc/mounts
grep -qw bootconfig /proc/cmdline
END
    worked many
}
