#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The list of the machines that run, and its state after every end of a run-vm. QEMU is a script that
# the test writes.
# shellcheck disable=SC2016,SC2119,SC2120,SC2030,SC2031,SC2154 # QEMU's script is not expanded here

bats_require_minimum_version 1.5.0

load start

setup_file() {
    export LC_ALL=C.UTF-8
}

# A QEMU that runs until there is a file `finish`; the FIFO `started` tells of its start.
waiting_qemu() {
    mkfifo started
    qemu 'echo $$ >"$CALLER/started"; until [ -e "$CALLER/finish" ]; do sleep 0.05; done'
}

# machine [run-vm's arguments]: starts one in the background; $! is its run-vm.
machine() {
    run_vm -o virtualisation.diskImage=null "$@" 2>>"$HOME/messages" 3>&- &
    read -t 60 -r _ <>started || { cat "$HOME/messages"; return 1; }
}

# names: prints the names of the machines that run, in one line.
names() {
    "$RUN_VM_PROGRAM" list --json | jq -r '[.[].name] | join(" ")'
}

# kill_machine NAME JOB: kills the run-vm of a machine.
kill_machine() {
    kill -KILL "$("$RUN_VM_PROGRAM" list --json | jq -r --arg name "$1" '.[] | select(.name == $name).pid')"
    wait "$2" || true
}

# end_all JOB...: ends all machines.
end_all() {
    : >finish
    wait "$@"
}

@test "a machine is listed while it runs, with what is known of it, and under a name of its own" {
    waiting_qemu
    machine -o system.name='box 1' -o virtualisation.memorySize=2048 -o 'virtualisation.forwardPorts=[{"host":{"port":2222},"guest":{"port":22}}]'
    first=$!
    machine -o system.name='box 1' -o virtualisation.memorySize=300
    second=$!
    machine --name third
    third=$!
    run -0 --separate-stderr "$RUN_VM_PROGRAM" list
    echo "$output"
    [[ ${lines[0]} =~ ^NAME\ +PID\ +AGE\ +MEMORY\ +IMAGE\ +PORTS$ ]]
    [[ ${lines[1]} =~ ^box-1\ +[0-9]+\ +[0-9]+[sm]\ +2G\ +-\ +2222:22$ ]]
    [[ ${lines[2]} =~ ^box-1-2\ +[0-9]+\ +[0-9]+[sm]\ +300M\ +-\ +-$ ]]
    [ "${lines[0]%%PID*}" = "NAME     " ] # as wide as the longest name
    [ "$(names)" = "box-1 box-1-2 third" ]
    "$RUN_VM_PROGRAM" list --json >list.json
    [ "$(jq -r '.[0] | "\(.state) \(.memory) \(.ports[0].hostPort)"' list.json)" = "running 2048 2222" ]
    [ -d "$(jq -r '.[0].directory' list.json)" ]
    [ "$(stat -c %a "$XDG_RUNTIME_DIR/run-vm" "$XDG_RUNTIME_DIR/run-vm/third" "$XDG_RUNTIME_DIR/run-vm/third/machine.json" | tr '\n' ' ')" = "700 700 600 " ]
    # the name is taken
    run -74 run_vm --name third
    [[ $output == *"third: another machine of this name runs"*"run-vm stop third"* ]]
    end_all "$first" "$second" "$third"
    [ "$(names)" = "" ]
    [ -z "$(ls -A "$XDG_RUNTIME_DIR/run-vm")" ]
    run -0 "$RUN_VM_PROGRAM" list
    [ "$output" = "run-vm: no machine runs" ]
}

@test "a hostile name becomes a harmless one, and --name takes none; --dry-run touches nothing" {
    waiting_qemu
    run -0 run_vm --dry-run --name a
    [ -z "$(ls -A "$XDG_RUNTIME_DIR")" ]
    local bad
    for bad in '' . .. a/b -x $'a\nb' 'a b' "$(printf 'x%.0s' {1..65})" $'\e[31m'; do
        run -64 run_vm --name="$bad"
        [[ $output == *"--name: is "*"expected at most 64 letters"* ]]
    done
    machine -o system.name='../../etc/ü' -o virtualisation.diskImage=null
    first=$!
    machine -o "system.name=$(printf 'x%.0s' {1..300})"
    second=$!
    run -0 "$RUN_VM_PROGRAM" list
    [ "$(names)" = "etc--- $(printf 'x%.0s' {1..58})" ]
    end_all "$first" "$second"
}

@test "a runtime directory that cannot be used stops no machine, and is named in one line" {
    : >"$XDG_RUNTIME_DIR/run-vm"
    run -0 run_vm
    [ "$(grep -c "warning: $XDG_RUNTIME_DIR/run-vm: the machine cannot be listed there: it cannot be opened: Not a directory" <<<"$output")" = 1 ]
    rm "$XDG_RUNTIME_DIR/run-vm"
    mkdir -m 755 "$XDG_RUNTIME_DIR/run-vm"
    run -0 run_vm
    [[ $output == *"others can enter it (mode 755, expected 700)"* ]]
    run -74 "$RUN_VM_PROGRAM" list
    [[ $output == *"$XDG_RUNTIME_DIR/run-vm: others can enter it"* ]]
}

@test "a full, read-only or foreign runtime directory stops no machine" {
    [ "$(id -u)" = 0 ] || skip "mounts need root"
    export -f run_vm
    mounted() {
        run -0 unshare -m bash -c "mount -t tmpfs -o $1,mode=700 small \"\$XDG_RUNTIME_DIR\" && $2 && run_vm && find \"\$XDG_RUNTIME_DIR\" -name '*.json*'"
        echo "$output"
        [ "$(grep -c 'the machine cannot be listed there' <<<"$output")" = 1 ]
        [[ $output != *".json"* ]]
    }
    export modules
    mounted size=64k 'dd if=/dev/zero of="$XDG_RUNTIME_DIR/zeros" bs=4k 2>/dev/null || true'
    [[ $output == *"No space left on device"* ]]
    mounted size=64k 'mount -o remount,ro "$XDG_RUNTIME_DIR"'
    [[ $output == *"Read-only file system"* ]]
    mounted size=64k 'mkdir -m 700 "$XDG_RUNTIME_DIR/run-vm" && chown 1234 "$XDG_RUNTIME_DIR/run-vm"'
    [[ $output == *"it belongs to the user 1234"* ]]
}

@test "killed with SIGKILL a machine is listed no longer, and its name is free" {
    waiting_qemu
    machine --name box
    first=$!
    [ "$(names)" = box ]
    kill_machine box "$first"
    # as run-vm ssh leaves them: the next guest has other keys
    echo 'box ssh-ed25519 AAAA' >"$XDG_RUNTIME_DIR/run-vm/box/known_hosts"
    machine --name box
    second=$!
    [ "$(names)" = box ]
    [ ! -e "$XDG_RUNTIME_DIR/run-vm/box/known_hosts" ]
    kill_machine box "$second"
    [ "$(names)" = "" ]
    [ -z "$(ls -A "$XDG_RUNTIME_DIR/run-vm")" ]
}

@test "those who look at a machine do not take its name, nor another for it" {
    waiting_qemu
    mkdir -m 700 "$XDG_RUNTIME_DIR/run-vm" "$XDG_RUNTIME_DIR/run-vm/box"
    exec 8>"$XDG_RUNTIME_DIR/run-vm/box/lock"
    flock -s 8
    sleep 0.3 3>&- &
    exec 8>&-
    machine -o system.name=box
    first=$!
    [ "$(names)" = box ]
    kill -KILL "$("$RUN_VM_PROGRAM" list --json | jq .[0].pid)"
    wait "$first" || true
    [ "$(flock -s "$XDG_RUNTIME_DIR/run-vm/box/lock" "$RUN_VM_PROGRAM" list --json)" = "[]" ]
    [ "$(names)" = "" ]
    [ -z "$(ls -A "$XDG_RUNTIME_DIR/run-vm")" ]
}

# changing: prints the numbers of the lines of the calls that change the list, or with RUN_VM_LONG those
# of the last 13.
changing() {
    if [ -n "${RUN_VM_LONG:-}" ]; then
        grep -n '' | tail -n 13
    else
        grep -nE '^flock|"box/lock"|"box", [^O]|"machine\.json|"lock"'
    fi | cut -d : -f 1
}

@test "killed at each system call that changes the list, a start leaves nothing that is listed or in the way" {
    export cases=0
    run_vm -o virtualisation.diskImage=null
    local program=$RUN_VM_PROGRAM call n calls
    printf '#!/bin/bash\nexec strace -o trace $INJECT %q "$@"\n' "$program" >under
    chmod +x under
    for call in mkdirat flock openat renameat unlinkat; do
        RUN_VM_PROGRAM=$PWD/under INJECT="-e trace=$call" run_vm -o virtualisation.diskImage=null --name box
        calls=$(grep "^$call(" trace | changing)
        [ -n "$calls" ]
        for n in $calls; do
            RUN_VM_PROGRAM=$PWD/under INJECT="-e trace=$call -e inject=$call:signal=KILL:when=$n" \
                run_vm -o virtualisation.diskImage=null --name box 2>/dev/null || true
            [ "$("$program" list --json)" = "[]" ] || { echo "$call $n: $("$program" list)"; return 1; }
            [ -z "$(ls -A "$XDG_RUNTIME_DIR/run-vm")" ] || { echo "$call $n: $(ls -R "$XDG_RUNTIME_DIR")"; return 1; }
            cases=$((cases + 1))
        done
    done
    run -0 run_vm --name box
    [[ $output != *box* ]] # work that takes long on a busy machine may be told
    echo "# host machines, kills: $cases cases, 0 failures" >&3
}

@test "--detach: a start that fails prints the reason and has its status, before QEMU runs and after" {
    export XDG_STATE_HOME=$HOME/state
    run -64 run_vm --detach --exec true
    [[ $output == *"--detach: expected no --exec"* ]]
    run -65 run_vm -d --kernel missing
    [[ $output == *"missing"* ]]
    qemu 'echo "qemu: no such device" >&2; exit 3'
    run -3 run_vm -d --name broken
    [[ $output == *"qemu: no such device"* ]]
    [ "$(names)" = "" ]
    # the reason is kept
    grep -q '^qemu: no such device$' "$XDG_STATE_HOME/run-vm/broken/run-vm.log"
    [ "$(stat -c %a "$XDG_STATE_HOME/run-vm/broken/run-vm.log")" = 600 ]
    qemu 'exit 0'
    run -0 run_vm -d
    [[ $output == *"the machine has ended already"* ]]
    [ -z "$(ls -A "$TMPDIR")" ]
    # without a home the logs are in the temporary directory
    qemu '[ -e run-vm.log ] && echo "the log is here" >&2; exit 4'
    XDG_STATE_HOME=/dev/null HOME=/dev/null run -4 run_vm -d --name homeless
    [[ $output == *"the log is here"* ]]
    [ -z "$(ls -A "$TMPDIR")" ]
}

@test "--detach: a signal to the caller ends the start, and leaves nothing" {
    mkfifo started
    qemu 'echo >"$CALLER/started"; exec sleep 100'
    export XDG_STATE_HOME=$HOME/state
    printf '#!/bin/bash\necho $$ >caller\nexec %q "$@"\n' "$RUN_VM_PROGRAM" >program
    chmod +x program
    RUN_VM_PROGRAM=$PWD/program run_vm -o virtualisation.diskImage=null -d 2>messages 3>&- &
    caller=$! status=0
    read -t 60 -r _ <>started
    kill -TERM "$(cat caller)"
    wait "$caller" || status=$?
    cat messages
    [ "$status" -ge 128 ]
    [ "$(names)" = "" ]
    [ -z "$(ls -A "$TMPDIR")" ]
}

@test "commands for machines name what runs; one in the foreground keeps its console" {
    waiting_qemu
    run -66 "$RUN_VM_PROGRAM" stop
    [[ $output == *"no machine runs"* ]]
    machine --name a
    first=$!
    machine --name b
    second=$!
    for command in stop console monitor; do
        run -66 "$RUN_VM_PROGRAM" "$command" c
        [[ $output == *"c: no machine of this name runs, expected one of a, b"* ]]
        run -66 "$RUN_VM_PROGRAM" "$command"
        [[ $output == *"several machines run: name one of a, b"* ]]
        run -64 "$RUN_VM_PROGRAM" "$command" a b
    done
    run -74 "$RUN_VM_PROGRAM" console a
    [[ $output == *"a: its console is where its run-vm (pid "*"--detach can be attached to"* ]]
    run -64 "$RUN_VM_PROGRAM" stop --timeout soon a
    [[ $output == *'--timeout: is "soon", expected a number of seconds'* ]]
    # a QEMU without a monitor is killed
    run -0 "$RUN_VM_PROGRAM" stop a
    [[ $output == *"a: it has ended (after "* ]]
    wait "$first" || true
    [ "$(names)" = b ]
    end_all "$second"
}

# published NAME FACTS: a machine of a run-vm that is the test itself.
published() {
    (umask 077 && mkdir -p "$XDG_RUNTIME_DIR/run-vm/$1")
    exec 8>"$XDG_RUNTIME_DIR/run-vm/$1/lock"
    flock 8
    jq -n "$2" >"$XDG_RUNTIME_DIR/run-vm/$1/machine.json"
}

@test "a machine that is being prepared is said to be; one of another PID namespace is not signalled" {
    sleep 1000 >/dev/null 2>&1 3>&- &
    bystander=$!
    published box "{state: \"starting\", pid: $bystander}"
    run -74 "$RUN_VM_PROGRAM" console box 8>&-
    [[ $output == *"box: it is still being prepared"* ]]
    run -125 "$RUN_VM_PROGRAM" exec --wait 0 box true 8>&-
    [[ $output == *"box: it is still being prepared"* ]]
    published box "{state: \"running\", pid: $bystander, pidNamespace: 1}"
    run -74 "$RUN_VM_PROGRAM" stop --kill box 8>&-
    [[ $output == *"box: its run-vm runs in another PID namespace"* ]]
    kill -TERM "$bystander" # it is still there
    exec 8>&-
}

@test "ssh says which way into the machine is missing" {
    published box '{state: "running", pid: 1, ports: [{guestPort: 80, hostPort: 8080}]}'
    run -255 "$RUN_VM_PROGRAM" ssh box true 8>&-
    [[ $output == *"box: there is no way in for ssh: start the machine with --ssh (runVm.ssh), with -o runVm.agent=true,"* ]]
    [ "${#lines[@]}" = 1 ]
    # a port at which nobody greets, of a machine that has been given the key or not
    for facts in 'sshKey: true' 'sshKey: false'; do
        published box "{state: \"running\", pid: 1, ports: [{guestPort: 22, hostPort: 1, protocol: \"tcp\"}], $facts}"
        run -255 timeout 60 "$RUN_VM_PROGRAM" ssh --wait 1 box true 8>&-
        [[ $output == *"box: no sshd answers at port 22 of the guest, which is port 1 here: "*"--wait SECONDS waits longer than 1 s" ]]
        run -255 timeout 60 "$RUN_VM_PROGRAM" ssh --wait 0 box true 8>&-
        [[ $output == *"port 1: Connection refused"* ]]
    done
    published box '{state: "starting", pid: 1}'
    run -255 timeout 60 "$RUN_VM_PROGRAM" ssh --wait 0 box true 8>&-
    [[ $output == *"box: it is still being prepared"* ]]
    exec 8>&-
}

# serve SOCKET ADDRESS: socat connects the socket with the address for each client, until $server is killed.
serve() {
    timeout 300 socat "UNIX-LISTEN:$1,fork" "$2" >/dev/null 2>&1 3>&- &
    server=$!
    while_runs "$server" socat -u OPEN:/dev/null "UNIX-CONNECT:$1"
}

@test "the end of a console's log is printed without what a terminal would answer" {
    printf 'one\r\n\e[6n\e[31mlogin: ' >console.log
    serve console SYSTEM:'echo live'
    published box "{state: \"running\", pid: 1, console: \"$PWD/console\", consoleLog: \"$PWD/console.log\"}"
    run -0 --separate-stderr timeout 60 "$RUN_VM_PROGRAM" console box </dev/null 8>&-
    [ "$output" = $'one\nlogin: live' ]
    exec 8>&-
    kill "$server"
}

@test "the monitor says what it cannot send, and to which machine" {
    printf '#!/bin/sh\necho "{\\"QMP\\": {}}"\nread -r _\necho "{\\"return\\": {}}"\ncat >/dev/null\n' >qmp
    chmod +x qmp
    serve monitor EXEC:./qmp
    published box "{state: \"running\", pid: 1, monitor: \"$PWD/monitor\"}"
    run -1 timeout 60 "$RUN_VM_PROGRAM" monitor box <<<$'\xff' 8>&-
    [[ $output == *"box: a line of the standard input is no UTF-8"* ]]
    exec 8>&-
    kill "$server"
}

@test "--detach: a caller that is stopped keeps no machine from being stopped" {
    export XDG_STATE_HOME=$HOME/state
    printf '#!/bin/bash\necho $$ >caller\nexec %q "$@"\n' "$RUN_VM_PROGRAM" >program
    # it is stopped before the log is made
    mkfifo prepared
    printf '#!/bin/sh\necho >"$CALLER/prepared"; read -r _ <"$CALLER/prepared"; exec %q "$@"\n' "$(command -v qemu-img)" >qemu/bin/qemu-img.new
    chmod +x program qemu/bin/qemu-img.new
    mv qemu/bin/qemu-img.new qemu/bin/qemu-img
    RUN_VM_PROGRAM=$PWD/program run_vm --name box -d 3>&- &
    caller=$!
    read -r -t 60 _ <prepared
    kill -STOP "$(cat caller)"
    echo >prepared
    until_true [ -e "$XDG_STATE_HOME/run-vm/box/run-vm.log" ]
    run -0 timeout 60 "$RUN_VM_PROGRAM" stop box
    kill -CONT "$(cat caller)"
    wait "$caller" || true
}
