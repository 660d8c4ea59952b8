#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Networks for real: ports forwarded in both directions, a guest that is shut in, two guests on a
# virtual switch.

load harness

setup_file() {
    ECHO_PORT=$(free_port)
    musl-gcc -static -O1 -o "$BATS_FILE_TMPDIR/udp-answer" "$BATS_TEST_DIRNAME/udp-answer.c"
    # What comes to this port of the host is written down and sent back. A connection that nobody
    # closes ends by itself, and must not hold the output that bats waits for.
    socat -T 20 "TCP-LISTEN:$ECHO_PORT,bind=127.0.0.1,fork,reuseaddr" \
        "EXEC:tee -a $BATS_FILE_TMPDIR/echoed" >/dev/null 2>&1 3>&- &
    ECHO_PID=$!
    export ECHO_PORT ECHO_PID
}

teardown_file() {
    kill "$ECHO_PID" || true
}

setup() {
    export NIX_DISK_IMAGE=$BATS_TEST_TMPDIR/disk.qcow2
}

# A port of this host that nobody listens on.
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port"
}

# until_there FILE PID: waits until FILE is there; fails when the process ends before.
until_there() {
    while ! [ -e "$1" ]; do
        kill -0 "$2" 2>/dev/null || return
        read -rt 0.2 <> <(:) || true
    done
}

# What every guest does first: the user network's address, as DHCP would give it.
guest_network='set -eux
cd /tmp/xchg
ip link set lo up
ip link set eth0 up
ip addr add 10.0.2.15/24 dev eth0
ip route add default via 10.0.2.2
'

# The module of the network card, which stage 2 of a real system loads by itself.
network=(-o 'boot.initrd.kernelModules=["virtio_net"]')

# forwards TCP-PORT UDP-PORT: the forwardings as -o wants them.
forwards() {
    local tcp=$1 udp=$2
    echo "virtualisation.forwardPorts=[
        {\"host\": {\"address\": \"127.0.0.1\", \"port\": $tcp}, \"guest\": {\"port\": 7000}},
        {\"proto\": \"udp\", \"host\": {\"address\": \"127.0.0.1\", \"port\": $udp}, \"guest\": {\"port\": 7001}},
        {\"from\": \"guest\", \"guest\": {\"address\": \"10.0.2.100\", \"port\": 80},
         \"host\": {\"address\": \"127.0.0.1\", \"port\": $ECHO_PORT}}]"
}

# The guest of the tests of forwarding: answers once by TCP and once by UDP, and calls out.
forwarding_guest() {
    cat <<END
$guest_network
echo "the guest's TCP" | nc -l -p 7000 >tcp-in &
./udp-answer 7001 "the guest's UDP" >udp-in &
touch ready
# QEMU does not pass on that a guest has said all it had to say: the answer is waited for
mkfifo /run/say
nc 10.0.2.100 80 </run/say >forwarded &
exec 4>/run/say
echo "through the forwarding" >&4
until [ -s forwarded ]; do sleep 1; done
kill \$!
(echo "to the host itself" | nc -w 5 10.0.2.2 $ECHO_PORT >direct) || touch refused
wait
END
}

# start_forwarding NAME [arguments]: boots such a guest, talks to it, waits for its end.
start_forwarding() {
    local name=$1 tcp udp directory=$BATS_FILE_TMPDIR/$1
    shift
    tcp=$(free_port)
    udp=$(free_port)
    mkdir -p "$directory/xchg"
    cp "$BATS_FILE_TMPDIR/udp-answer" "$directory/xchg"
    forwarding_guest | boot "$name" "${network[@]}" -o "$(forwards "$tcp" "$udp")" "$@" 3>&- &
    local pid=$!
    until_there "$directory/xchg/ready" "$pid"
    # the guest may listen a moment later: a refused call is made again
    while kill -0 "$pid" 2>/dev/null && ! [ -s "$directory/tcp-out" ]; do
        echo "the host's TCP" | socat -t 10 - "TCP:127.0.0.1:$tcp" >"$directory/tcp-out" 2>/dev/null || true
    done
    while kill -0 "$pid" 2>/dev/null && ! [ -s "$directory/udp-out" ]; do
        echo "the host's UDP" | socat -t 2 - "UDP:127.0.0.1:$udp" >"$directory/udp-out" 2>/dev/null || true
    done
    wait "$pid" || true
    worked "$name"
}

# Both directions' forwarded ports were reached, those by TCP were answered.
forwarded() {
    local directory=$BATS_FILE_TMPDIR/$1
    grep -qx "the host's TCP" "$directory/xchg/tcp-in"
    grep -qx "the guest's TCP" "$directory/tcp-out"
    grep -qx "the host's UDP" "$directory/xchg/udp-in"
    grep -qx "through the forwarding" "$directory/xchg/forwarded"
}

@test "ports are forwarded from the host by TCP and UDP, and from the guest by TCP" {
    start_forwarding open
    forwarded open
    grep -qx "the guest's UDP" "$BATS_FILE_TMPDIR/open/udp-out"
    # the guest reaches the host besides
    grep -qx "to the host itself" "$BATS_FILE_TMPDIR/open/xchg/direct"
}

@test "a restricted guest is reached by forwarded ports, and reaches nothing else" {
    rm -f "$BATS_FILE_TMPDIR/echoed"
    start_forwarding shut -o virtualisation.restrictNetwork=true
    # QEMU's user network lets no datagram out, answers included
    forwarded shut
    [ -e "$BATS_FILE_TMPDIR/shut/xchg/refused" ]
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
