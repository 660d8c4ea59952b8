#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A machine for libvirt: its files, and its domain as virt-xml-validate reads it.

bats_require_minimum_version 1.5.0
load start

# valid OPTION...: writes the domain of these options to the file domain, which must be valid.
valid() {
    run_vm libvirt-xml session "$@" >domain
    virt-xml-validate domain domain
}

# shellcheck disable=SC2154 # start.bash sets modules
run_vm() {
    "$RUN_VM_PROGRAM" "$@" --kernel system/kernel --modules-dir "$modules" --init /init \
        --guest-init system/guest-init --accel tcg -o virtualisation.diskSize=8 \
        -o "virtualisation.qemu.package=$PWD/qemu" --name box
}

@test "prepare makes whole files, and none that the domain does not name" {
    local file link
    export XDG_DATA_HOME=$BATS_TEST_TMPDIR/data
    run -0 --separate-stderr run_vm prepare
    [ "$output" = "$XDG_DATA_HOME/run-vm/box" ]
    # the cache is not needed
    while read -r link; do
        [[ $link == "$output"/* ]]
    done < <(find "$output" -type l -exec readlink -f {} +)
    [ -z "$(find "$TMPDIR" -mindepth 1)" ]
    valid
    for file in "$output"/*; do
        grep -qF "$file" domain
    done
    # the cache can go
    "$RUN_VM_PROGRAM" cache prune
    [ -s "$output/initrd" ]
}

# named: prints the files of there/ that the domain has by the names of their contents.
named() {
    grep -o 'there/[a-z]*-[0-9a-f]\{32\}[^<]*' domain | sort
}

@test "preparing again changes no file of a domain, whose disk it keeps" {
    local first inode
    valid there
    [ "$(named)" = "" ]
    grep -F "<initrd>$PWD/there/initrd</initrd>" domain
    run -0 --separate-stderr run_vm prepare there
    valid there
    first=$(named)
    [[ $first == there/initrd-*$'\n'there/kernel-* ]]
    inode=$(stat -c %i nixos.qcow2)
    xargs sha256sum <<<"$first" >sums
    echo "another init" >system/guest-init
    run -0 --separate-stderr run_vm prepare there
    [ "$output" = "$PWD/there" ]
    [ "$(stat -c %i nixos.qcow2)" = "$inode" ]
    sha256sum --check sums
    # only what is another has another name
    valid there
    [[ $(comm -23 <(named) - <<<"$first") == there/initrd-* ]]
    cmp there/initrd "$(named | grep initrd)"
}

# prepare_half_way: prepares twice; the second time there is no room for the last file. In a mount namespace.
prepare_half_way() {
    mount -t tmpfs -o size=3m none there
    run_vm prepare there
    echo "another kernel" >>system/kernel
    head -c 4M /dev/urandom >>system/guest-init
    if run_vm prepare there 2>err; then
        return 1
    fi
    grep 'there/.*No space left' err
    run_vm libvirt-xml session there >domain
    find there -name 'kernel*' -o -name 'initrd*' | sort
    sha256sum <there/kernel | cut -c 1-32
}

@test "preparing that fails half-way leaves what it has made by the names of the contents" {
    mkdir there
    export modules
    export -f run_vm prepare_half_way
    run -0 unshare -rm bash -euc prepare_half_way
    [[ $output == *there/initrd$'\n'there/initrd-*$'\n'there/kernel$'\n'there/kernel-*$'\n'there/kernel-* ]]
    [[ $(named) == there/initrd-*$'\n'there/kernel-"${lines[-1]}" ]]
}

@test "prepare does not mind a port that is in use: its domain may run" {
    local port
    python3 -c 'import socket, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); print(s.getsockname()[1], flush=True); time.sleep(600)' \
        >port 3>&- &
    until_true [ -s port ]
    port=$(cat port)
    run -0 --separate-stderr run_vm prepare --port "$port:22" there
    kill $!
}

@test "libvirt-xml makes nothing" {
    find . | sort >"$BATS_TEST_TMPDIR/before"
    run -0 --separate-stderr run_vm libvirt-xml system there
    [[ $output == *"<kernel>$PWD/"* && $output == *"<initrd>$PWD/there/initrd</initrd>"* ]]
    find . | sort | diff "$BATS_TEST_TMPDIR/before" -
}

@test "domains of every kind of machine are valid" {
    truncate -s 1M 'a & b.img' fw
    mkdir share
    valid
    valid -o virtualisation.graphics=true
    valid -o virtualisation.graphics=false -m 2G -c 3 --port 2222:22
    valid --share "$PWD/share:/mnt/<s>:ro" --disk "$PWD/a & b.img" --disk 10M --no-network
    valid -o virtualisation.qemu.diskInterface=scsi
    valid -o virtualisation.qemu.diskInterface=ide
    valid -o virtualisation.bios="$PWD/fw"
    valid -o virtualisation.qemu.guestAgent.enable=true --fresh --display vnc
    grep -qF 'org.qemu.guest_agent.0' domain
    valid --tpm
    valid --efi -o virtualisation.efi.firmware="$PWD/fw" -o virtualisation.efi.variables="$PWD/fw"
    grep -qF '<nvram>' domain
    valid -o 'virtualisation.qemu.options=["-device virtio-balloon,id=x"]'
    grep -q '<qemu:arg value="virtio-balloon,id=x,addr=0x[0-9a-f]*"/>' domain
    valid -o runVm.agent=true -o runVm.warmStart=false
}

@test "--connect is for a start, by a libvirt that answers" {
    run -64 run_vm --count 2
    [[ $output == "run-vm: --count: needs --connect URI"* ]]
    run -64 run_vm prepare --connect qemu:///session
    [[ $output == "run-vm: --connect: is for a start"* ]]
    run -64 run_vm --connect qemu:///session --count 0
    [[ $output == *"--count: is \"0\", expected a number from 1"* ]]
    run -64 "$RUN_VM_PROGRAM" --connect qemu:///session --kernel system/kernel --exec true
    [[ $output == "run-vm: --exec: is for a machine that run-vm starts"* ]]
    run -69 run_vm --connect "qemu+unix:///session?socket=$PWD/none"
    [[ $output == *"none"*"No such file"* ]]
    run -64 run_vm --connect test:///default
    [[ $output == *"test:///default: is no libvirt that run-vm knows"* ]]
    run -69 "$RUN_VM_PROGRAM" list --connect "qemu+unix:///session?socket=$PWD/none"
    run -69 "$RUN_VM_PROGRAM" stop --connect "qemu+unix:///session?socket=$PWD/none" box
    [ -z "$(find "$TMPDIR" -mindepth 1)" ]
}

@test "options of a machine that run-vm starts are refused, and a libvirt elsewhere" {
    run -64 run_vm libvirt-xml session --detach
    [[ $output == "run-vm: --detach: is for a machine that run-vm starts"* ]]
    run -64 run_vm prepare --timeout 3
    [[ $output == "run-vm: --timeout: "* ]]
    run -64 run_vm libvirt-xml xen
    [[ $output == "run-vm: xen: is no libvirt of this host; expected session or system" ]]
}
