#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A machine with an empty list of network options has no card and reaches no port of the host.

load harness
load command

setup_file() {
    make_root
    make_guest
    # whatever card there is
    echo '{"boot": {"initrd": {"kernelModules": ["virtio_net", "e1000", "e1000e"]}}}' \
        >"$BATS_FILE_TMPDIR/modules.json"
    socat -d -d TCP-LISTEN:0,bind=127.0.0.1,fork 'SYSTEM:echo the host' \
        2>"$BATS_FILE_TMPDIR/listener" 3>&- &
    export LISTENER=$!
    disown # no message at its end
    wait_for "$BATS_FILE_TMPDIR/listener" 'listening on' "$LISTENER"
    PORT=$(sed -n 's/.*listening on.*:\([0-9]*\)$/\1/p' "$BATS_FILE_TMPDIR/listener")
    export PORT
}

teardown_file() {
    kill "$LISTENER"
}

# The guest's script: configures every card that exists.
# shellcheck disable=SC2016 # the guest's shell is to expand it
call_host='cd /sys/class/net
for card in *; do
    ip link set $card up
    [ $card = lo ] || ip addr add 10.0.2.15/24 dev $card
done
echo "cards: $(ls | grep -v lo)"
nc -w 10 10.0.2.2 $1 </dev/null'

@test "a guest reaches the host's loopback through the built-in network" {
    OPTIONS="--config $BATS_FILE_TMPDIR/modules.json" ends 0 sh -c "$call_host" sh "$PORT"
    says "$BATS_TEST_TMPDIR/out" '^the host$'
}

@test "a guest without network options has no card and reaches nothing" {
    echo '{"virtualisation": {"restrictNetwork": true, "qemu": {"networkingOptions":
        {"_type": "override", "priority": 50, "content": []}}}}' >"$BATS_TEST_TMPDIR/none.json"
    OPTIONS="--config $BATS_FILE_TMPDIR/modules.json --config $BATS_TEST_TMPDIR/none.json" \
        ends 1 sh -c "$call_host" sh "$PORT"
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = "cards: " ]
    says "$BATS_TEST_TMPDIR/err" 'virtualisation.restrictNetwork has no effect'
}
