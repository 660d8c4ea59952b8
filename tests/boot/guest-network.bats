#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2030,SC2031 # the place of the results is local
# The network that init configures in a Debian tree: with --exec, and where the tree has no manager.

load harness

# The host of these guests is a network namespace with a name server, which knows one name, and a server.
setup_file() {
    local kernel
    kernel=${RUN_VM_KERNEL_DIR:-$("$BATS_TEST_DIRNAME/../../scripts/fetch-kernel")}
    DEBIAN=$("$BATS_TEST_DIRNAME/../../scripts/debian-root" openssh-server 2>"$BATS_FILE_TMPDIR/debian-root")/root
    KERNEL=$(echo "$kernel"/vmlinuz-*)
    MODULES=$(echo "$kernel"/lib/modules/*)
    export DEBIAN KERNEL MODULES TIME_LIMIT
    echo 'nameserver 127.0.0.1' >"$BATS_FILE_TMPDIR/resolv.conf"
    # Answers that every name is that of the host.
    cat >"$BATS_FILE_TMPDIR/name-server" <<'END'
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
while True:
    query, peer = server.recvfrom(512)
    end = query.index(b"\0", 12) + 5  # of the question
    found = query[end - 4 : end - 2] == b"\0\1"  # an A record
    answer = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + bytes([10, 0, 2, 2]) if found else b""
    counts = b"\0\1" + bytes([0, found]) + b"\0\0\0\0"
    server.sendto(query[:2] + b"\x85\x80" + counts + query[12:end] + answer, peer)
END
    # shellcheck disable=SC2016 # expanded inside
    unshare --map-root-user --net --mount --pid --fork --kill-child bash -ec '
        cd "$BATS_FILE_TMPDIR"
        mount --bind resolv.conf /etc/resolv.conf
        busybox ip link set lo up
        python3 name-server &
        socat TCP-LISTEN:9000,bind=127.0.0.1,fork,reuseaddr "SYSTEM:echo the host" &
        timeout 300 sh -c "until socat -u OPEN:/dev/null TCP:127.0.0.1:9000; do sleep 0.1; done"
        touch host-is-there
        wait' >"$BATS_FILE_TMPDIR/host.log" 2>&1 3>&- &
    export HOST_PID=$!
    disown # no message at its end
    while_runs "$HOST_PID" [ -e "$BATS_FILE_TMPDIR/host-is-there" ] || {
        cat "$BATS_FILE_TMPDIR/host.log"
        return 1
    }
}

teardown_file() {
    kill -KILL "$HOST_PID"
}

# vm OPTION...: run-vm on that host, with a tree; its output is in the files out, err.
vm() {
    # shellcheck disable=SC2016 # expanded inside; nsenter begins in /
    nsenter --target "$HOST_PID" --user --net --mount --preserve-credentials sh -c 'cd "$1" && shift && exec "$@"' \
        sh "$PWD" timeout --foreground --kill-after=30 "$TIME_LIMIT" "$RUN_VM_PROGRAM" --kernel "$KERNEL" \
        --modules-dir "$MODULES" "$@" </dev/null >"$BATS_TEST_TMPDIR/raw" 2>"$BATS_TEST_TMPDIR/err"
    clean <"$BATS_TEST_TMPDIR/raw" >"$BATS_TEST_TMPDIR/out"
}

# has LINE...: the guest has printed each line.
has() {
    for line; do
        grep -Fxq -- "$line" "$BATS_TEST_TMPDIR/out" && continue
        echo "the guest has not printed: $line"
        tail -n 60 "$BATS_TEST_TMPDIR/out" "$BATS_TEST_TMPDIR/err"
        return 1
    done
}

# The guest's questions: its names, and a server that is called by name.
ask='echo "name $(cat /proc/sys/kernel/hostname)"
echo "server $(getent hosts server.test | cut -d " " -f 1)"
timeout 120 bash -c "cat </dev/tcp/server.test/9000"
timeout 120 bash -c "cat </dev/tcp/127.0.0.1/1" 2>&1 | grep -o refused'

@test "a command reaches the host, by name too, as the user and in the directory that are asked for" {
    local before
    before=$(fingerprint "$DEBIAN/etc")
    # shellcheck disable=SC2016 # the guest's shell is to expand it
    LANG=C.UTF-8 vm --root-dir "$DEBIAN" --user games:users --cwd /var/lib --env LANG --env 'A=b c' --exec bash -c "$ask"'
        echo "is $(id -un):$(id -gn) in $PWD, $HOME $USER $A $LANG"
        cat <(echo "to errors") >/dev/stderr'
    # the tree's own name
    has "name guest" "server 10.0.2.2" "the host" refused "is games:users in /var/lib, /usr/games games b c C.UTF-8"
    says "$BATS_TEST_TMPDIR/err" '^to errors$'
    [ "$(fingerprint "$DEBIAN/etc")" = "$before" ]
}

# start TREE OPTION...: boots the system in the tree, which runs the report, and powers off. The report's
# output is in the file out: on the console systemd's and the kernel's lines would break up its own.
start() {
    mkdir "$BATS_TEST_TMPDIR/report"
    { printf '#!/bin/bash\nexec >/mnt/out\n' && cat; } >"$BATS_TEST_TMPDIR/report/run"
    chmod +x "$BATS_TEST_TMPDIR/report/run"
    TIME_LIMIT=$((2 * TIME_LIMIT)) vm --root-dir "$1" -o "virtualisation.sharedDirectories.report={\"source\": \"$BATS_TEST_TMPDIR/report\", \
        \"target\": \"/mnt\"}" "${@:2}" --append 'systemd.run=/mnt/run systemd.run_success_action=poweroff'
    cp "$BATS_TEST_TMPDIR/report/out" "$BATS_TEST_TMPDIR/out" || { tail -n 40 "$BATS_TEST_TMPDIR/raw"; return 1; }
}

# managed_system: boots a tree with a network manager.
managed_system() {
    local tree=$BATS_TEST_TMPDIR/tree
    # with hard links, which take no time
    cp -al "$DEBIAN" "$tree" 2>/dev/null || { rm -rf "$tree" && cp -a "$DEBIAN" "$tree"; }
    rm "$tree/etc/hostname"
    ln -s /lib/systemd/system/systemd-networkd.service "$tree/etc/systemd/system/multi-user.target.wants/"
    printf '[Match]\nName=en*\n[Network]\nDHCP=ipv4\n' >"$tree/etc/systemd/network/all.network"
    start "$tree" <<'END'
systemctl start systemd-networkd # systemd.run= starts no other unit of the system
timeout 300 sh -c 'until grep -q 10.0.2.15 /proc/net/fib_trie; do sleep 0.2; done' && echo configured
ls -1 /sys/class/net
grep -oh 'vm.network' /proc/cmdline /proc/bootconfig
END
}

is_listed() {
    "$RUN_VM_PROGRAM" list 2>/dev/null | grep -q "^$1 "
}

# enter NAME COMMAND: runs the command by ssh in the machine of that name, as soon as there is one.
enter() {
    until_true is_listed "$1" || return
    nsenter --target "$HOST_PID" --user --net --mount --preserve-credentials \
        "$RUN_VM_PROGRAM" ssh --wait "$TIME_LIMIT" "$@" </dev/null
}

@test "a system without a network manager has the network, keeps its host name, and is entered without an agent" {
    mkdir "$BATS_FILE_TMPDIR/managed"
    # the system of the next test boots at the same time
    BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR/managed managed_system 3>&- &
    export HOME=$BATS_TEST_TMPDIR XDG_DATA_HOME=''
    enter entered 'id -un; touch /mnt/entered' >"$BATS_TEST_TMPDIR/ssh" 2>&1 3>&- &
    start "$DEBIAN" --ssh --name entered -o runVm.agent=false <<END
$ask
systemctl is-enabled systemd-networkd
systemctl start ssh # systemd.run= starts no other unit of the system
for ((i = 0; i < $TIME_LIMIT; i++)); do [ ! -e /mnt/entered ] || break; sleep 1; done
END
    wait
    cat "$BATS_TEST_TMPDIR/ssh"
    [ "$(cat "$BATS_TEST_TMPDIR/ssh")" = root ]
    has "name guest" "server 10.0.2.2" "the host" refused disabled
}

@test "a system with a network manager is left to it" {
    local BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR/managed
    # udev could rename the card, which init had not set up
    has configured enp0s2
    run ! grep -qx 'vm.network' "$BATS_TEST_TMPDIR/out"
}

@test "without a network there is no card; the directory of --here is entered, and its files go out" {
    mkdir "$BATS_TEST_TMPDIR/my work"
    cd "$BATS_TEST_TMPDIR/my work"
    echo "from the host" >in
    # shellcheck disable=SC2016 # the guest's shell is to expand it
    vm --root-dir "$DEBIAN" --no-network --here --exec sh -c \
        'echo $(ls /sys/class/net) $(cat /proc/sys/kernel/hostname); pwd; cat in; echo "from the guest" >out'
    has "lo guest" "$PWD" "from the host"
    [ "$(cat out)" = "from the guest" ]
}
