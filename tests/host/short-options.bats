#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2030,SC2031 # each test exports a variable of its own
# Options of the command line that stand for settings of the configuration: what a start is with each,
# and what is said of wrong ones.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    mkdir -p qemu/bin
    ln -s /bin/true qemu/bin/qemu-kvm
    ln -s "$(command -v qemu-img)" qemu/bin/qemu-img
    export HOME=$BATS_TEST_TMPDIR
    unset TMPDIR USE_TMPDIR SHARED_DIR NIX_DISK_IMAGE NIX_EFI_VARS QEMU_OPTS QEMU_NET_OPTS \
        QEMU_KERNEL_PARAMS
}

teardown() {
    [ ! -e pid ] || kill "$(cat pid)" 2>/dev/null || true # the QEMU that a test has left
}

# plan OPTION...: prints the plan of a start with an empty kernel and no modules.
plan() {
    "$RUN_VM_PROGRAM" --accel tcg --kernel /dev/null --modules-dir / --init /init \
        -o virtualisation.qemu.package="$PWD/qemu" -o runVm.kernel=bzImage --dry-run=json "$@"
}

# start OPTION...: starts the test's own QEMU.
start() {
    echo "an init" >guest-init
    printf '\177ELF, a kernel\n' >kernel
    mkdir -p modules/lib/modules/6.1.0
    touch modules/lib/modules/6.1.0/modules.{order,builtin,builtin.modinfo}
    depmod -b modules 6.1.0
    XDG_CACHE_HOME=$PWD/cache "$RUN_VM_PROGRAM" --accel tcg --kernel kernel --init /init --guest-init guest-init \
        --modules-dir modules/lib/modules/6.1.0 -o virtualisation.qemu.package="$PWD/qemu" \
        -o virtualisation.diskImage=null -o virtualisation.graphics=false "$@" </dev/null
}

# planned FILTER OPTION...: fails unless jq's filter holds for the plan.
planned() {
    local filter=$1
    shift
    run -0 --separate-stderr plan "$@"
    jq -e "$filter" <<<"$output" >/dev/null || {
        echo "not with $*: $filter"
        return 1
    }
}

# refused MESSAGE OPTION...: fails unless the options are refused with that message.
refused() {
    local message=$1
    shift
    run -65 --separate-stderr plan "$@"
    # shellcheck disable=SC2154 # run --separate-stderr sets it
    [[ $stderr == "run-vm: $message"* ]] || {
        echo "expected: $message"
        echo "got: $stderr"
        return 1
    }
}

@test "-m and -c are the memory and the cores, and win over files" {
    planned '.machine.memory == 2048 and .machine.cores == 4' -m 2G -c 4
    planned '.machine.memory == 1536 and .machine.cores == 3' --memory=1.5GiB --cores 3
    planned '.machine.memory == 768 and .machine.cores == 2' -m768 -c2
    echo '{"virtualisation": {"memorySize": "3G", "cores": 8}}' >vm.json
    planned '.machine.memory == 3072 and .machine.cores == 8' -C vm.json
    planned '.machine.memory == 512 and .machine.cores == 8' -C vm.json -m 512M
    planned '.machine.memory == 256' -m 2G -o virtualisation.memorySize=256
    planned '.machine.memory == 2048' -o virtualisation.memorySize=256 -m 2G
    refused '-m: virtualisation.memorySize: is "2X", expected positive integer, from 1 to 4294967296 (MiB), or a size such as "2G"' -m 2X
    refused '--memory: virtualisation.memorySize: is 0, expected' --memory=0
    refused '--cores: virtualisation.cores: is "four", expected positive integer, from 1 to 8192' --cores four
}

@test "an argument of -c that is no number is still a configuration, with a warning" {
    echo '{"virtualisation": {"memorySize": 300}}' >vm.json
    echo '{"virtualisation": {"cores": 3}}' >more.json
    planned '.machine.memory == 300 and .machine.cores == 3' -c vm.json -C more.json
    [[ $stderr == "run-vm: warning: -c vm.json: is taken as a configuration, which is to be given as -C;"* ]]
    run -74 "$RUN_VM_PROGRAM" -c no.json --dry-run
    [[ $output == *"no.json: cannot be read"* ]]
}

@test "--share shares a directory, by default at /mnt/NAME and for writing" {
    mkdir -p src 'a:b, c'
    planned '.machine.shares | any(.path == "'"$PWD"'/src" and (.readOnly | not))' --share src
    planned '.kernelParams | any(. == "vm.share=dir_mnt_src:/mnt/src")' --share "$PWD/src/"
    planned '.kernelParams | any(. == "vm.share=dir_data_x:/data/x")' --share src:/data/x
    planned '.machine.shares | any(.path == "'"$PWD"'/src" and .readOnly)' --share src:ro
    planned '.machine.shares | any(.path == "'"$PWD"'/src" and .readOnly)' --share src:/data:ro
    planned '.machine.shares | any(.path == "'"$PWD"'/src" and (.readOnly | not))' \
        -o runVm.release=26.11 -o runVm.transport=9p --share src:/data
    planned '.machine.shares | any(.path == "'"$PWD"'/a:b, c")' --share 'a\:b, c'
    planned '[.kernelParams[] | select(contains(":/mnt/"))] | length == 2' --share 'a\:b, c' --share src
    planned '.kernelParams | any(contains(":/mnt/host"))' --share /:ro
    for wrong in '' : src:data src:/a:/b src:/a:wr; do
        refused "--share: is \"$wrong\", expected SRC[:DST][:ro]" --share "$wrong"
    done
    refused '--share: /tmp would take' --share src:/tmp/
    refused '--share: /mnt/../tmp has ".."' --share src:/mnt/../tmp
    refused '--share: /mnt/.. has ".."' --share src:/mnt/..
    # a guest empties these, or cannot do without them
    for wrong in /tmp /var/tmp /run /usr /etc; do
        refused "--share: $wrong would take the place of a directory that the guest's own system needs or empties: share src elsewhere (src:/mnt/host), or read-only (src:$wrong:ro)" \
            --share "src:$wrong"
        planned '.machine.shares | any(.path == "'"$PWD"'/src" and .readOnly)' --share "src:$wrong:ro"
    done
    refused "--share: / is the guest's root: share src elsewhere" --share src:/:ro
    planned '.kernelParams | any(. == "vm.share=dir_mnt_x:/mnt/x")' --share src:/mnt/x//
    planned '.kernelParams | any(. == "vm.share=dir_tmp_src:/tmp/src")' --share src:/tmp/src
    planned '.kernelParams | any(. == "vm.share=dir_usr_local:/usr/local")' --share src:/usr/local
    # shellcheck disable=SC2088 # the shell leaves it as it is, too
    refused '--share: "~/src" begins with ~' --share '~/src'
    run -74 --separate-stderr start --share no-such
    [[ $stderr == *"--share: virtualisation.sharedDirectories.dir_mnt_no-such.source: $PWD/no-such: No such"* ]]
}

@test "a configuration is warned of a share where the guest empties it" {
    mkdir -p src
    local share="virtualisation.sharedDirectories.x"
    for target in /tmp /var/tmp /run; do
        planned true -o "$share.source=$PWD/src" -o "$share.target=$target"
        [[ $stderr == *"$share.target is $target, which a guest empties: it can delete what is in $PWD/src"* ]]
        planned true -o "$share.source=$PWD/src" -o "$share.target=$target" -o $share.writable=false
        [[ $stderr != *empties* ]]
    done
    # as the specification's own shares are
    planned true -o "$share.source=$PWD/src" -o "$share.target=/tmp/x"
    [[ $stderr != *empties* ]]
}

@test "--port forwards a port, by default of 127.0.0.1" {
    planned '.machine.networks[0].forwards[0] | .protocol == "tcp" and .hostAddress == "127.0.0.1" and
        .hostPort == 8080 and .guestPort == 80' --port 8080:80
    planned '.argv | any(contains("hostfwd=udp:0.0.0.0:53-:53,hostfwd=tcp:127.0.0.1:1-:2"))' \
        --port 0.0.0.0:53:53/udp --port 1:2/tcp
    for wrong in '' 22 a:22 22:b 1:2:3:4 22:0 22: 1:2/sctp -1:2; do
        refused "--port: is \"$wrong\", expected [ADDRESS:]HOST:GUEST[/udp]" --port="$wrong"
    done
    refused '--port: is "0:53/udp", expected a port of the host' --port 0:53/udp
    refused 'command line: virtualisation.forwardPorts.<entry 1>.host.port: is "auto", expected a number' -o \
        'virtualisation.forwardPorts=[{"proto": "udp", "host": {"port": "auto"}, "guest": {"port": 53}}]'
    refused '--port: virtualisation.forwardPorts.<entry 1>.host.port: is 70000, expected' --port 70000:22
    refused '--port: virtualisation.forwardPorts.<entry 1>.host.address: is no' --port box:1:2
}

@test "port 0 of the host becomes a free one, which run-vm holds and says" {
    # shellcheck disable=SC2016 # QEMU's own
    printf '#!/bin/sh\necho "$@" | grep -o "hostfwd=[^,]*" >ports\n' >qemu/bin/qemu-kvm.new
    # another program is not given the port while QEMU does not listen on it yet; QEMU could listen
    cat >>qemu/bin/qemu-kvm.new <<'END'
python3 - $(grep -o '[0-9]*-' ports | tr -d -) >>ports 2>&1 <<'PYTHON'
import socket, sys
for port in map(int, sys.argv[1:]):
    plain = socket.socket()
    try:
        plain.bind(("127.0.0.1", port))
        print("not held")
    except OSError:
        pass
    same = socket.socket()
    same.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    same.bind(("127.0.0.1", port))
    same.listen()
    socket.create_connection(("127.0.0.1", port))
    same.accept()
    print("reached")
PYTHON
cp ports "$CALLER"
END
    chmod +x qemu/bin/qemu-kvm.new
    mv qemu/bin/qemu-kvm.new qemu/bin/qemu-kvm
    CALLER=$PWD run -0 --separate-stderr start --port 0:22 --port 0:80
    cat ports
    [ "$(grep -c reached ports)" = 2 ]
    [ "$(grep -c 'not held' ports)" = 0 ]
    for port in 22 80; do
        [[ $stderr =~ "port $port of the guest is port "([0-9]+)" of the host, at 127.0.0.1" ]]
        grep -qx "hostfwd=tcp:127.0.0.1:${BASH_REMATCH[1]}-:$port" ports
    done
}

@test "--ssh forwards a port to the guest's sshd, and gives the guest a key that is made once" {
    planned '(.machine.networks[0].forwards | length == 1 and .[0].hostAddress == "127.0.0.1" and .[0].guestPort == 22) and
        (.machine.credentials | length == 1 and .[0].name == "ssh.authorized_keys.root" and .[0].mechanism == "smbios")' --ssh
    planned '(.machine.networks[0].forwards | length == 0) and (.machine.credentials == [])' --ssh -o runVm.ssh=false
    # what there is of it already stays
    planned '.machine.networks[0].forwards | length == 1 and .[0].hostPort == 2222' --port 2222:22 --ssh
    planned '.machine.networks[0].forwards | map(.guestPort) == [22, 22]' --port 2222:22/udp --ssh
    planned '.machine.credentials | length == 1' --ssh \
        -o virtualisation.credentials='{"ssh.authorized_keys.root": {"text": "mine"}}'
    ln -s /bin/true qemu/bin/qemu-system-aarch64
    planned '.argv | any(startswith("name=opt/io.systemd.credentials/ssh.authorized_keys.root,"))' --ssh \
        -o nixpkgs.hostPlatform=aarch64-linux
    planned '.warnings == ["runVm.ssh has no effect: the built-in network, which it is for, is left out or replaced by virtualisation.qemu.networkingOptions. Use hostfwd= in a network of your own, and ssh itself."]' --ssh --no-network
    # shellcheck disable=SC2016 # QEMU's own
    printf '#!/bin/sh\ncp /dev/fd/100 "$CALLER/credential"\n' >qemu/bin/qemu-kvm.new
    chmod +x qemu/bin/qemu-kvm.new
    mv qemu/bin/qemu-kvm.new qemu/bin/qemu-kvm
    export CALLER=$PWD XDG_DATA_HOME=$PWD/data
    for _ in 1 2; do
        run -0 start --ssh
        [[ $output =~ "port 22 of the guest is port "[0-9]+" of the host, at 127.0.0.1" ]]
        [ "$(sed 's/^io.systemd.credential.binary:ssh.authorized_keys.root=//' credential | base64 -d)" = "$(cat data/run-vm/ssh/id_ed25519.pub)" ]
    done
    XDG_DATA_HOME='' HOME='' run -74 start --ssh
    [[ $output == *"--ssh: runVm.ssh: the key for ssh: neither XDG_DATA_HOME nor HOME names a directory"* ]]
}

@test "--disk adds a disk, empty or an image" {
    qemu-img create -q -f qcow2 'a, $b.img' 8M
    truncate -s 8M raw.img
    planned '[.files[] | select(.kind == "disk-image") | .bytes / 1048576] | .[-2:] == [20480, 100]' --disk 20G --disk 100
    planned '.machine.drives[-1] | .file == "'"$PWD"'/a, $b.img" and .format == null' --disk 'a, $b.img'
    planned '.machine.drives[-1] | .file == "'"$PWD"'/raw.img" and .format == "raw"' --disk raw.img -o runVm.kernel=auto
    for wrong in '' 20X no-such.img 99999999T; do
        refused "--disk: is \"$wrong\", expected a size such as 20G, or a disk image that exists" --disk "$wrong"
    done
    refused '--disk: virtualisation.emptyDiskImages.<entry 1>: is "1500K", expected' --disk 1500K
}

@test "--fresh and --ro keep the guest's writes from the disk image" {
    truncate -s 8M disk.img
    export NIX_DISK_IMAGE=$PWD/disk.img
    planned '.machine.drives[0] | .snapshot and .readOnly == false' --fresh
    planned '(.machine.drives[0] | .readOnly and .snapshot == false) and
        (.kernelParams | any(. == "vm.root.overlay=tmpfs"))' --ro
    planned '[.files[] | select(.path == "'"$PWD"'/disk.img") | .kind] == ["disk-lower"]' --ro
    planned '.machine.drives[0].snapshot' --ro -o virtualisation.qemu.diskInterface=ide
    planned '.machine.drives[0] | .readOnly == false and .snapshot == false' --ro -o runVm.diskImageWrites=keep
    NIX_DISK_IMAGE='' planned '(.machine.drives[0].file | endswith("/root.qcow2")) and
        ([.files[] | select(.kind == "disk-image")] | length == 1)' --fresh -o virtualisation.diskImage=new.qcow2
    refused '--ro: runVm.diskImageWrites: is "refuse", expected "discard"' --ro -o runVm.initrd=system
    NIX_DISK_IMAGE=$PWD/no.img refused "--ro: runVm.diskImageWrites: is \"refuse\", and there is no image $PWD/no.img" --ro
    planned '.warnings | any(startswith("--ro: runVm.diskImageWrites has no effect"))' --ro -o virtualisation.diskImage=null
}

@test "--grow lets an image grow, and refuses one that is larger, in use, or of another kind" {
    export NIX_DISK_IMAGE=$PWD/disk.img
    planned '[.files[] | select(.kind == "disk-image") | .bytes / 1048576] == [2048]' --grow 2G
    grown=(start -o "virtualisation.diskImage=$PWD/disk.img" --grow)
    for format in raw qcow2; do
        rm -f disk.img
        qemu-img create -q -f "$format" disk.img 8M
        qemu-io -f "$format" -c 'write -q -P 1 0 64k' disk.img
        run -0 "${grown[@]}" 16M
        [ "$(qemu-img info -f "$format" --output=json disk.img | jq '."virtual-size"')" = $((16 << 20)) ]
        before=$(sha256sum disk.img)
        run -74 "${grown[@]}" 12M
        [[ $output == *"$PWD/disk.img: cannot shrink: its disk has 16M, which is more than 12M;"* ]]
        [ "$(sha256sum disk.img)" = "$before" ]
        run -0 "${grown[@]}" 16M
        [ "$(sha256sum disk.img)" = "$before" ]
        exec 7<disk.img
        flock -s 7
        run -74 "${grown[@]}" 32M
        [[ $output == *"disk.img: in use by another run-vm"* ]]
        exec 7<&-
        timeout 60 qemu-system-x86_64 -daemonize -pidfile pid -display none -S -m 64 -drive "file=disk.img,format=$format,if=virtio" 3>&-
        run -1 "${grown[@]}" 32M
        [[ $output == *'Failed to get "write" lock'* ]]
        kill "$(cat pid)"
        rm -f pid
        [ "$(sha256sum disk.img)" = "$before" ]
    done
    qemu-img create -q -f vmdk other.img 8M
    mv other.img disk.img
    run -74 "${grown[@]}" 32M
    [[ $output == *"disk.img: cannot grow: is of another format, expected a raw or qcow2 image"* ]]
    refused '--grow: runVm.growDiskImage: is set, expected null where runVm.diskImageWrites is "discard"' --fresh --grow 2G
    refused '--grow: runVm.growDiskImage: is "2X", expected' --grow 2X
}

@test "--display is a window, a VNC socket, or none" {
    planned '.machine.noDisplay or (.argv | any(. == "-nographic"))' --display none
    planned '.argv | any(. == "-nographic" or . == "-display") | not' -o virtualisation.graphics=false --display window
    planned '.machine.vnc == "run-vm.vnc" and (.argv | any(. == "vnc=unix:run-vm.vnc"))' --display vnc
    planned '.machine.vnc == null' --display vnc --display window
    planned '.machine.vnc == null' --display vnc -- -display none
    echo '{"virtualisation": {"graphics": false}}' >vm.json
    planned '.machine.vnc != null' -C vm.json --display vnc
    refused '--display: is "vc", expected one of none, window, vnc' --display vc
    run -0 --separate-stderr start --display vnc
    [[ $stderr =~ "run-vm: display: VNC on the socket "/.*/run-vm.vnc ]]
}

@test "--efi and --tpm are those of the configuration" {
    touch code vars
    planned '.machine.firmware != null' --efi -o virtualisation.efi.firmware="$PWD/code" \
        -o virtualisation.efi.variables="$PWD/vars"
    tpm=(--tpm -o virtualisation.tpm.package=/bin/true)
    planned '.machine.tpm != null' "${tpm[@]}"
    # what belongs to a root without an image is lost with it
    mkdir tree
    planned '.tpm.state == "'"$PWD"'/nixos-swtpm" and .warnings == []' "${tpm[@]}"
    planned '.tpm.state | endswith("/nix-vm.XXXXXXXXXX/swtpm")' "${tpm[@]}" -r tree
    planned '.tpm.state == "'"$PWD"'/tree-swtpm"' "${tpm[@]}" -r tree -o virtualisation.diskImage=disk.qcow2
    planned '.tpm.state == "'"$PWD"'/kept" and .warnings == []' "${tpm[@]}" -r tree --rw -o runVm.tpmState=kept
    planned '.warnings | any(startswith("runVm.tpmState: is lost at the end"))' "${tpm[@]}" -r tree --rw
    planned '(.machine.firmware.variables | endswith("/nix-vm.XXXXXXXXXX/efi-vars.fd")) and
        (.warnings | any(startswith("virtualisation.efiVars: is lost at the end")))' -r tree --rw --efi \
        -o virtualisation.efi.firmware="$PWD/code" -o virtualisation.efi.variables="$PWD/vars"
    run -64 plan --efi=yes
    [[ $output == *"--efi=yes: --efi takes no argument"* ]]
}

@test "--help shows the setting of each short option" {
    run -0 "$RUN_VM_PROGRAM" --help
    for setting in diskImageWrites growDiskImage; do
        [[ ${output//$'\n'/} == *"(runVm.$setting)"* ]]
    done
    [[ ${output//$'\n'/} == *"(runVm.ssh)"* ]]
    for setting in memorySize graphics emptyDiskImages qemu.drives cores sharedDirectories forwardPorts useEFIBoot tpm.enable; do
        [[ ${output//$'\n'/} == *"virtualisation.$setting"* ]]
    done
}

@test "--warm is for a command; a file's runVm.warmStart waits for one in silence" {
    plan --warm | jq -e '.warnings | any(. == "--warm: runVm.warmStart has no effect: there is no command (--exec).")'
    echo '{"runVm": {"warmStart": true}}' >warm.json
    plan --config warm.json | jq -e '.warnings | any(contains("warm")) | not'
    plan --warm -o virtualisation.diskImage=null --exec true |
        jq -e '(.warnings | any(contains("warm")) | not) and (.kernelParams | any(. == "vm.warm"))'
}
