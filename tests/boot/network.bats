#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Real networks: ports forwarded in both directions, a guest without access to the host, two guests on a
# virtual switch.

load harness

# The host of these guests is a network namespace with only a loopback, so that each of its addresses and
# ports is known: 127.0.0.1, ::1 and two others. Data that arrive at its ports 53 and 9000 are recorded
# in `echoed` and sent back. It is its own name server.
setup_file() {
    musl-gcc -static -O1 -I"$BATS_TEST_DIRNAME/../.." -o "$BATS_FILE_TMPDIR/udp-answer" "$BATS_TEST_DIRNAME/udp-answer.c"
    musl-gcc -static -O1 -I"$BATS_TEST_DIRNAME/../.." -o "$BATS_FILE_TMPDIR/reach" "$BATS_TEST_DIRNAME/reach.c"
    printf 'nameserver %s\n' 127.0.0.1 ::1 >"$BATS_FILE_TMPDIR/resolv.conf"
    # shellcheck disable=SC2016 # expanded inside; a connection that nobody closes ends by itself
    unshare --map-root-user --net --mount --pid --fork --kill-child bash -ec '
        cd "$BATS_FILE_TMPDIR"
        mount --bind resolv.conf /etc/resolv.conf
        busybox ip link set lo up
        busybox ip address add 192.0.2.1/32 dev lo
        busybox ip address add 2001:db8::1/128 dev lo
        for port in 53 9000; do
            socat -T 20 "TCP6-LISTEN:$port,ipv6only=0,fork,reuseaddr" "EXEC:tee -a echoed" &
            socat -T 20 "UDP6-RECVFROM:$port,ipv6only=0,fork" "EXEC:tee -a echoed" &
        done
        until socat -u OPEN:/dev/null TCP:127.0.0.1:9000 && socat -u OPEN:/dev/null TCP:127.0.0.1:53; do :; done
        touch host-is-there
        wait' >"$BATS_FILE_TMPDIR/host.log" 2>&1 3>&- &
    export HOST_PID=$!
    disown # no message at its end
    while_runs "$HOST_PID" [ -e "$BATS_FILE_TMPDIR/host-is-there" ] || cat "$BATS_FILE_TMPDIR/host.log"
}

teardown_file() {
    kill -KILL "$HOST_PID"
}

# on_host COMMAND...: runs the command on the test's host.
on_host() {
    # shellcheck disable=SC2016 # expanded inside; nsenter begins in /
    nsenter --target "$HOST_PID" --user --net --mount --preserve-credentials \
        sh -c 'cd "$1" && shift && exec "$@"' sh "$PWD" "$@"
}

setup() {
    export NIX_DISK_IMAGE=$BATS_TEST_TMPDIR/disk.qcow2
}

# The first lines of each guest's script: the address that the user network's DHCP would assign.
guest_network='set -eux
cd /tmp/xchg
ip link set lo up
ip link set eth0 up
ip addr add 10.0.2.15/24 dev eth0
ip route add default via 10.0.2.2
'

# The network card's module, which stage 2 of a real system loads by itself.
network=(-o 'boot.initrd.kernelModules=["virtio_net"]')

# The forwarded ports: the host's 8000 and 8001 lead to the guest, the guest's 10.0.2.100 to the host.
forwards='virtualisation.forwardPorts=[
    {"host": {"address": "127.0.0.1", "port": 8000}, "guest": {"port": 7000}},
    {"proto": "udp", "host": {"address": "127.0.0.1", "port": 8001}, "guest": {"port": 7001}},
    {"from": "guest", "guest": {"address": "10.0.2.100", "port": 80},
     "host": {"address": "127.0.0.1", "port": 9000}}]'

# A guest's attempts to reach its host: the host itself, its name server, its other addresses.
attempts='tcp-host tcp 10.0.2.2 9000
udp-host udp 10.0.2.2 9000
tcp-name-server tcp 10.0.2.3 53
udp-name-server udp 10.0.2.3 53
tcp-other-address tcp 192.0.2.1 9000
udp-other-address udp 192.0.2.1 53
tcp6-host tcp fec0::2 9000
udp6-host udp fec0::2 9000
tcp6-name-server tcp fec0::3 53
udp6-name-server udp fec0::3 53
tcp6-other-address tcp 2001:db8::1 9000
udp6-other-address udp 2001:db8::1 53'

# The guest for the tests of forwarding: answers once over TCP and once over UDP, calls the host, and then
# makes all attempts at once.
forwarding_guest() {
    cat <<END
$guest_network
echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad
ip addr add fec0::15/64 dev eth0
ip route add default via fec0::2
echo "the guest's TCP" | nc -l -p 7000 >tcp-in &
./udp-answer 7001 "the guest's UDP" >udp-in &
touch ready
# QEMU does not pass on the guest's end of stream: wait for the answer
mkfifo /run/say
nc 10.0.2.100 80 </run/say >forwarded &
exec 4>/run/say
echo "through the forwarding" >&4
until [ -s forwarded ]; do sleep 1; done
kill \$!
wait
while read -r name protocol address port; do
    (if ./reach \$protocol \$address \$port \$name; then echo \$name >>got-through; fi; echo \$name >>attempts) &
done <list
wait
END
}

# start_forwarding NAME [arguments]: boots such a guest, calls it, waits for its end.
start_forwarding() {
    local name=$1 directory=$BATS_FILE_TMPDIR/$1
    shift
    mkdir -p "$directory/xchg"
    cp "$BATS_FILE_TMPDIR"/{udp-answer,reach} "$directory/xchg"
    echo "$attempts" >"$directory/xchg/list"
    touch "$directory/xchg/got-through"
    : >"$BATS_FILE_TMPDIR/echoed"
    export -f on_host
    printf '#!/bin/bash\non_host %q "$@"\n' "$RUN_VM_PROGRAM" >"$directory/run-vm"
    chmod +x "$directory/run-vm"
    forwarding_guest | RUN_VM_PROGRAM=$directory/run-vm boot "$name" "${network[@]}" -o "$forwards" "$@" 3>&- &
    local pid=$!
    while_runs "$pid" [ -e "$directory/xchg/ready" ]
    # repeat a refused call: the guest may listen a moment later
    while kill -0 "$pid" 2>/dev/null && ! [ -s "$directory/tcp-out" ]; do
        echo "the host's TCP" | on_host socat -t 10 - TCP:127.0.0.1:8000 >"$directory/tcp-out" 2>/dev/null || true
    done
    while kill -0 "$pid" 2>/dev/null && ! [ -s "$directory/udp-out" ]; do
        echo "the host's UDP" | on_host socat -t 2 - UDP:127.0.0.1:8001 >"$directory/udp-out" 2>/dev/null || true
    done
    wait "$pid" || true
    worked "$name"
}

# The forwarded ports of both directions were reached, and those of TCP were answered.
forwarded() {
    local directory=$BATS_FILE_TMPDIR/$1
    grep -qx "the host's TCP" "$directory/xchg/tcp-in"
    grep -qx "the guest's TCP" "$directory/tcp-out"
    grep -qx "the host's UDP" "$directory/xchg/udp-in"
    grep -qx "through the forwarding" "$directory/xchg/forwarded"
}

# campaign NAME TEXT: every attempt was made; prints the figures. $through: the successful attempts.
campaign() {
    local xchg=$BATS_FILE_TMPDIR/$1/xchg
    through=$(sort "$xchg/got-through")
    echo "# $2: $(wc -l <"$xchg/attempts") attempts, $(wc -l <"$xchg/got-through") got through" >&3
    diff <(cut -d ' ' -f 1 "$xchg/list" | sort) <(sort "$xchg/attempts")
}

@test "ports are forwarded from the host by TCP and UDP, and from the guest by TCP; it reaches the host besides" {
    start_forwarding open
    forwarded open
    grep -qx "the guest's UDP" "$BATS_FILE_TMPDIR/open/udp-out"
    campaign open "guest that is not shut in"
    diff <(cut -d ' ' -f 1 <<<"$attempts" | sort) - <<<"$through"
    diff <(sort "$BATS_FILE_TMPDIR/echoed") <(sort <<<"$through"$'\n'"through the forwarding")
}

@test "a restricted guest is reached by forwarded ports, and reaches nothing else" {
    start_forwarding shut -o virtualisation.restrictNetwork=true
    # a restricted user network passes no datagram to the outside, not even an answer
    forwarded shut
    campaign shut "hostile guest that is shut in"
    [ -z "$through" ]
    # no datagram arrived, not even one whose answer was lost
    [ "$(cat "$BATS_FILE_TMPDIR/echoed")" = "through the forwarding" ]
}

@test "two guests on one virtual switch reach each other" {
    local switch=$BATS_TEST_TMPDIR/switch one two peer
    vde_switch --daemon --sock "$switch" --pidfile "$BATS_TEST_TMPDIR/switch.pid" 3>&-
    export QEMU_VDE_SOCKET_1=$switch

    for number in 1 2; do
        peer=$((3 - number))
        cat <<END >"$BATS_TEST_TMPDIR/script$number"
$guest_network
ip link set eth1 up
ip addr add 192.168.1.$number/24 dev eth1
cat /sys/class/net/eth1/address >mac
echo "from $number" | nc -l -p 5000 >heard &
tries=0
until echo "to $peer" | nc -w 5 192.168.1.$peer 5000 >answer; do
    tries=\$((tries + 1))
    [ \$tries -lt 120 ]
    sleep 1
done
wait
END
        NIX_DISK_IMAGE=$BATS_TEST_TMPDIR/disk$number.qcow2 boot "node$number" "${network[@]}" \
            -o virtualisation.test.nodeNumber="$number" -o virtualisation.memorySize=384 \
            <"$BATS_TEST_TMPDIR/script$number" 3>&- &
        if [ "$number" = 1 ]; then one=$!; else two=$!; fi
    done
    wait "$one" "$two" || true
    kill "$(cat "$BATS_TEST_TMPDIR/switch.pid")"

    worked node1
    worked node2
    [ "$(cat "$BATS_FILE_TMPDIR/node1/xchg/mac")" = 52:54:00:12:01:01 ]
    [ "$(cat "$BATS_FILE_TMPDIR/node2/xchg/mac")" = 52:54:00:12:01:02 ]
    [ "$(cat "$BATS_FILE_TMPDIR/node1/xchg/heard")" = "to 1" ]
    [ "$(cat "$BATS_FILE_TMPDIR/node2/xchg/heard")" = "to 2" ]
    [ "$(cat "$BATS_FILE_TMPDIR/node1/xchg/answer")" = "from 2" ]
    [ "$(cat "$BATS_FILE_TMPDIR/node2/xchg/answer")" = "from 1" ]
}
