#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The needs of a start are checked before anything is made: sources of shares, drives' files,
# firmware, ports.
# shellcheck disable=SC2016,SC2119,SC2120,SC2154 # QEMU's script is not expanded here

bats_require_minimum_version 1.5.0

load start

# Fails if anything was made here or in the cache, or if QEMU was started.
nothing_made() {
    [ "$(ls)" = "$listing" ]
    # besides the list of machines, which is below TMPDIR for want of XDG_RUNTIME_DIR
    [ -z "$(find "$TMPDIR" -mindepth 1 ! -path "$TMPDIR/run-vm-*")" ]
    [ ! -e "$XDG_CACHE_HOME" ]
    [ ! -e "$HOME/started" ]
}

# Lets ordinary users reach the directories of this test.
let_through() {
    chmod a+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/* "$BATS_TEST_TMPDIR"
    chmod a+rx . qemu qemu/bin system "$BATS_TEST_TMPDIR"/modules
}

prepare_listing() {
    qemu 'echo >"$HOME/started"'
    listing=$(ls)
}

# Listens at ADDRESS PORT [udp] until the test ends; prints the port, which the kernel chooses for 0.
listen() {
    local ready=$BATS_TEST_TMPDIR/ready
    rm -f "$ready"
    mkfifo "$ready"
    python3 -c '
import socket, sys
kind = socket.SOCK_DGRAM if sys.argv[3:] else socket.SOCK_STREAM
s = socket.socket(socket.AF_INET, kind)
s.bind((sys.argv[1], int(sys.argv[2])))
sys.argv[3:] or s.listen()
print(s.getsockname()[1], file=open("'"$ready"'", "w"), flush=True)
sys.stdin.read()' "$@" <><(:) 3>&- &
    listener=$!
    read -t 60 -r port <"$ready"
}

teardown() {
    [ -z "$listener" ] || kill "$listener"
}

@test "a share without its source, a drive without its file, firmware that is missing: all at once" {
    prepare_listing
    echo '{"virtualisation": {"sharedDirectories": {"s": {"source": "/nonexistent", "target": "/s"},
        "file": {"source": "'"$PWD"'/system/kernel", "target": "/f"}},
        "qemu": {"drives": [{"file": "/no/disk.img"}, {"name": "d", "file": "relative.img"}],
                 "options": ["-drive file=/no/other,,x.img,if=virtio"]},
        "efi": {"firmware": "/no/code.fd", "variables": "/no/vars.fd"},
        "useEFIBoot": true}}' >"$HOME/wrong.json"
    run -74 --separate-stderr run_vm --config "$HOME/wrong.json" -- -virtfs local,path=/no/tree,mount_tag=t
    [[ $stderr == *"wrong.json: virtualisation.sharedDirectories.s.source: /nonexistent: No such file"* ]]
    [[ $stderr == *"virtualisation.sharedDirectories.file.source: $PWD/system/kernel is not a directory"* ]]
    [[ $stderr == *"virtualisation.qemu.drives.<entry 1>.file: /no/disk.img: No such file"* ]]
    [[ $stderr == *"virtualisation.qemu.drives.<entry 2>.file: $TMPDIR/nix-vm."*"/relative.img: No such file"*"temporary directory"* ]]
    [[ $stderr == *"virtualisation.qemu.options: -drive: /no/other,x.img: No such file"* ]]
    [[ $stderr == *"virtualisation.efi.firmware: /no/code.fd: No such file"* ]]
    [[ $stderr == *"virtualisation.efi.variables: /no/vars.fd: No such file"* ]]
    [[ $stderr == *"QEMU's arguments: -virtfs: /no/tree: No such file"* ]]
    nothing_made
    # a dry run needs none of them
    run -0 --separate-stderr run_vm --config "$HOME/wrong.json" --dry-run
    nothing_made
}

@test "what run-vm makes itself, and what QEMU takes for no file, needs not exist" {
    qemu 'exit 3'
    run -3 run_vm -o 'virtualisation.sharedDirectories.x.source="$TMPDIR"/xchg' \
        -o virtualisation.sharedDirectories.x.target=/x -o 'virtualisation.emptyDiskImages=[1]' \
        -o 'virtualisation.sharedDirectories.y={"source": "$TMPDIR/xchg/", "target": "/y"}' \
        -o 'virtualisation.sharedDirectories.z={"source": "$TMPDIR/./", "target": "/z"}' \
        -o 'virtualisation.qemu.drives=[{"file": "nbd://127.0.0.1:1/x"}, {"file": "json:{}"}]' \
        -- -drive "driver=null-co,size=1" -drive file=null-co://,if=none
}

@test "a tree, a share and a drive that the user may not read are said so" {
    prepare_listing
    [ "$(id -u)" = 0 ] || skip "takes root"
    mkdir locked
    touch secret
    chmod 700 locked
    chmod 600 secret
    listing=$(ls)
    let_through
    chown nobody . "$TMPDIR" "$HOME"
    HOME=$HOME run -74 --separate-stderr setpriv --reuid=nobody --regid=nogroup --clear-groups \
        "$RUN_VM_PROGRAM" --kernel system/kernel --modules-dir "$modules" --root-dir locked \
        --guest-init system/guest-init --accel tcg -o "virtualisation.qemu.package=$PWD/qemu" \
        -o "virtualisation.qemu.drives=[{\"file\": \"$PWD/secret\"}]" \
        -o nixpkgs.hostPlatform=x86_64-linux
    [[ $stderr == *"--root-dir: $PWD/locked cannot be read: Permission denied"* ]]
    [[ $stderr == *".file: $PWD/secret cannot be read: Permission denied"* ]]
    nothing_made
}

@test "an image that its directory does not take is said before the rest is made" {
    [ "$(id -u)" = 0 ] || skip "takes root"
    prepare_listing
    mkdir vars images
    chmod 755 vars images
    let_through
    chown nobody images "$TMPDIR" "$HOME"
    listing=$(ls)
    touch "$HOME/code" "$HOME/template"
    NIX_DISK_IMAGE=images/x.qcow2 NIX_EFI_VARS=vars/v.fd run -74 --separate-stderr \
        setpriv --reuid=nobody --regid=nogroup --clear-groups \
        "$RUN_VM_PROGRAM" --kernel system/kernel --modules-dir "$modules" --init /init \
        --guest-init system/guest-init --accel tcg -o "virtualisation.qemu.package=$PWD/qemu" \
        -o nixpkgs.hostPlatform=x86_64-linux -o virtualisation.useEFIBoot=true \
        -o "virtualisation.efi.firmware=$HOME/code" -o "virtualisation.efi.variables=$HOME/template"
    [[ $stderr == *"$PWD/vars/v.fd: cannot be made: directory $PWD/vars: Permission denied"* ]]
    [ -z "$(ls images)" ]
    nothing_made
}

@test "a port in use is said, by TCP and by UDP, whoever forwards it" {
    prepare_listing
    listen 127.0.0.1 0
    run -74 --separate-stderr run_vm \
        -o 'virtualisation.forwardPorts=[{"host": {"port": '"$port"'}, "guest": {"port": 22}}]'
    [[ $stderr == *"virtualisation.forwardPorts.<entry 1>: port $port: in use on this host (tcp, address 0.0.0.0)"* ]]
    QEMU_NET_OPTS="hostfwd=tcp:127.0.0.1:$port-:22" run -74 --separate-stderr run_vm
    [[ $stderr == *"environment: QEMU_NET_OPTS: port $port: in use"* ]]
    run -74 --separate-stderr run_vm -- -nic "user,hostfwd=tcp::$port-:22"
    [[ $stderr == *"QEMU's arguments: port $port: in use"* ]]
    nothing_made
    # another address, another protocol
    run -0 run_vm -o 'virtualisation.forwardPorts=[{"host": {"port": '"$port"', "address": "127.0.0.9"},
        "guest": {"port": 22}}, {"proto": "udp", "host": {"port": '"$port"'}, "guest": {"port": 22}}]'
    kill "$listener"
    rm -rf "$HOME/started" "$XDG_CACHE_HOME" nixos.qcow2
    listen 127.0.0.1 0 udp
    run -74 --separate-stderr run_vm -o 'virtualisation.forwardPorts=[
        {"proto": "udp", "host": {"port": '"$port"'}, "guest": {"port": 53}}]'
    [[ $stderr == *"port $port: in use on this host (udp, address 0.0.0.0)"* ]]
    nothing_made
}

@test "an ordinary user's privileged port, and an address that the host does not have" {
    [ "$(id -u)" = 0 ] || skip "takes root"
    prepare_listing
    let_through
    chown nobody . "$TMPDIR" "$HOME"
    run -74 --separate-stderr setpriv --reuid=nobody --regid=nogroup --clear-groups \
        --bounding-set=-all --inh-caps=-all "$RUN_VM_PROGRAM" --kernel system/kernel \
        --modules-dir "$modules" --init /init --guest-init system/guest-init --accel tcg \
        -o "virtualisation.qemu.package=$PWD/qemu" -o virtualisation.diskSize=8 \
        -o 'virtualisation.forwardPorts=[{"host": {"port": 80}, "guest": {"port": 80}},
            {"host": {"port": 8080, "address": "203.0.113.1"}, "guest": {"port": 80}}]'
    [[ $stderr == *"port 80: permission denied: choose one above 1023"* ]]
    [[ $stderr == *"port 8080: cannot listen at address 203.0.113.1: "* ]]
    nothing_made
}

@test "one port of the host forwarded twice is refused, where the addresses overlap" {
    prepare_listing
    twice() { # ADDRESS ADDRESS [PROTOCOL]
        run_vm --dry-run -o 'virtualisation.forwardPorts=[
            {"host": {"port": 8080, "address": "'"$1"'"}, "guest": {"port": 80}},
            {"proto": "'"${3:-tcp}"'", "host": {"port": 8080, "address": "'"$2"'"}, "guest": {"port": 81}}]'
    }
    run -65 --separate-stderr twice 127.0.0.1 ""
    [[ $stderr == *"virtualisation.forwardPorts.<entry 2>: port 8080 (tcp) is forwarded twice, the first time by "*"<entry 1>"* ]]
    run -65 twice 127.0.0.1 127.1
    run -0 twice 127.0.0.1 127.0.0.2
    run -0 twice "" "" udp
    QEMU_NET_OPTS=hostfwd=::2222-:22 run -65 --separate-stderr run_vm --dry-run -- \
        -nic user,hostfwd=tcp:127.0.0.1:2222-:22
    [[ $stderr == *"port 2222 (tcp) is forwarded twice"* ]]
    nothing_made
}

@test "a file that is no kernel is said before anything is made" {
    echo "text" >system/text
    prepare_listing
    run -74 --separate-stderr run_vm --config <(echo '{}') --kernel system/text
    [[ $stderr == *"command line: --kernel: $PWD/system/text is no kernel, expected a bzImage"* ]]
    nothing_made
    truncate -s 514 system/text
    printf HdrS >>system/text
    run -0 run_vm --kernel system/text
}

@test "a directory in the place of a configuration is named as one" {
    run -74 --separate-stderr run_vm --config system
    [[ $stderr == "run-vm: system: is a directory, expected a file"* ]]
}
