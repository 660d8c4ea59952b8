#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Configurations from public repositories, and the plan that is made of each.
# shellcheck disable=SC2016 # texts of messages, and of configurations

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    unset TMPDIR USE_TMPDIR SHARED_DIR NIX_DISK_IMAGE NIX_EFI_VARS QEMU_OPTS QEMU_NET_OPTS \
        QEMU_KERNEL_PARAMS NIX_BUILD_TOP
    export HOME=/home/dev
    mkdir -p system/kernel-modules/lib/modules/6.1.0 qemu/bin
    touch system/kernel system/initrd system/kernel-params
    ln -s /bin/true qemu/bin/qemu-kvm
    ln -s /bin/true qemu/bin/qemu-img
    echo '{"system": {"build": {"toplevel": "'"$PWD"'/system", "regInfo": "/closure"}},
        "nixpkgs": {"hostPlatform": "x86_64-linux"},
        "virtualisation": {"qemu": {"package": "'"$PWD"'/qemu"}}}' >base.json
    configurations=$BATS_TEST_DIRNAME/configurations
}

# run_vm CONFIGURATION ARGUMENT...: prints its dry run.
run_vm() {
    "$RUN_VM_PROGRAM" --config base.json --config "$configurations/$1.json" "${@:2}"
}

@test "each is translated as its words say" {
    while IFS='|' read -r name pattern; do
        run -0 run_vm "$name" --dry-run
        # shellcheck disable=SC2053 # a pattern
        [[ $(tr -d "\\\\" <<<"$output" | tr -s ' \n' ' ') == *$pattern* ]] || {
            echo "$name: $pattern not in: $output"
            return 1
        }
    done <<'END'
gl-window|-vga none -device virtio-vga-gl -display gtk,gl=on,show-cursor=off
restrict-and-libvirtd|-name box2 *-m 2048 *-smp 2 *restrict=on
e1000-socket|-m 4096 *hostfwd=tcp::2222-:22,hostfwd=tcp::6443-:6443, -net nic,id=eth1,model=e1000 -net socket,listen=localhost:8765
vsock-swtpm|mount_tag=workspace,*vm.share=workspace:/workspace*-device vhost-vsock-pci,guest-cid=4 -chardev socket,id=chrtpm,path=/tmp/swtpm.sock -tpmdev emulator,id=tpm0,chardev=chrtpm
security-model|path=/srv/vm-shared,security_model=none,mount_tag=vmShare*vm.share=vmShare:/mnt/host
own-9p-mount|vm.mount=user-ssh:/run/host-ssh:9p:trans=virtio,version=9p2000.L,ro,msize=65536,nofail*-virtfs local,path=/home/dev/.ssh,mount_tag=user-ssh,security_model=none,readonly=on
persist-by-id|serial=persist *vm.mount=/dev/disk/by-id/virtio-persist:/nix/persist:ext4:x-systemd.makefs
data-disk|empty0.qcow2,*index=2,
readonly-drive|file=/srv/luks.img,*format=raw,*readonly=on
tap|-device virtio-net-pci,netdev=user.0,mac=52:54:00:88:00:02 -netdev tap,id=user.0,ifname=vm-tap,script=no,downscript=no
net-twice|"nic,netdev=user.0,model=virtio" replaces the built-in network card*replaces the built-in network user.0*-netdev user,id=user.0,hostfwd=tcp::7722-:22
spice|-vga qxl -spice port=3001,disable-ticketing=on -device virtio-serial -chardev spicevmc,
cifs|-virtfs
nographic-option|-m 8096 *hostfwd=tcp::8080-:80,hostfwd=tcp::8337-:1337,*-nographic
share-options|vm.share=source-code:/home/dev/source:uname=developer
enable-kvm|-m 4096 *-smp 4 *-enable-kvm
guest-image|-nic user,hostfwd=tcp:127.0.0.1:2322-:22 -drive if=virtio,format=qcow2,file=/srv/other.qcow2
btrfs-root|root=LABEL=root rootfstype=btrfs console=
efi-other-dir|-m 3072 *-smp 4 *file=*/target.qcow2,id=drive1*unit=1,file=*/nixos-efi-vars.fd
host-store-on-disk|hostfwd=tcp::22000-:22, *mount_tag=nix-store,readonly=on*vm.store.overlay=root*-device qemu-xhci -enable-kvm
external-image|nixos.qcow2,id=drive1
secure-boot|mount_tag=certs,*mount_tag=nix-store,*drive=drive2 *-device tpm-tis,*/OVMF_CODE_4M.secboot.fd *-machine smm=on -global driver=cfi.pflash01,property=secure,value=on
END
}

@test "filesystems of stage 2 stay in the plan" {
    [ "$(run_vm cifs --dry-run=json | jq -c '.fileSystems["/public"] | [.device, .fsType, .options]')" \
        = '["//server/public","cifs",["guest"]]' ]
    [ "$(run_vm data-disk --dry-run=json | jq -c '[.fileSystems["/mnt", "/srv"].device]')" \
        = '["/dev/vdb","tmpfs"]' ]
    [ "$(run_vm data-disk --dry-run=json |
        jq -c '[.files[] | select(.kind == "disk-image") | .bytes / 1048576]')" = '[1024,16384]' ]
    [ "$(run_vm persist-by-id --dry-run=json |
        jq -c '[.files[] | select(.kind == "disk-image") | .bytes / 1048576]')" = '[256]' ]
}

@test "the same with the defaults of today" {
    local name
    for name in btrfs-root efi-other-dir host-store-on-disk external-image guest-image; do
        run -0 --separate-stderr run_vm "$name" --dry-run=json -o runVm.release=26.11
        jq -e '.argv | any(. == "virtio-blk-pci,bootindex=1,drive=drive1,serial=root")' <<<"$output"
    done
}

@test "an image of the user's boots by itself: no kernel, no store of the host, and a filesystem of its own" {
    for release in 22.11 26.11; do
        run -0 --separate-stderr run_vm external-image --dry-run=json -o runVm.release=$release \
            -o runVm.transport=9p
        jq -e '(.argv | any(. == "-kernel" or contains("nix-store")) | not) and
            .fileSystems["/"].device == "/dev/disk/by-label/nixos" and .warnings == []' <<<"$output"
    done
}

@test "an accelerator of the user's is the only one" {
    run -0 --separate-stderr run_vm enable-kvm --dry-run
    [[ $output != *"-accel"* ]]
}

@test "a network of the user's is the only one of its name" {
    run -0 --separate-stderr run_vm net-twice --dry-run
    [ "$(grep -o 'id=user\.0' <<<"$output" | wc -l)" = 1 ]
    run -0 --separate-stderr run_vm tap --dry-run
    [ "$(grep -o 'id=user\.0' <<<"$output" | wc -l)" = 1 ]
}

@test "a share's security model is QEMU's, where QEMU serves it" {
    for model in none passthrough mapped-xattr mapped-file; do
        jq ".virtualisation.sharedDirectories.vmShare.securityModel = \"$model\"" \
            "$configurations/security-model.json" >model.json
        run -0 "$RUN_VM_PROGRAM" --config base.json --config model.json --dry-run
        [[ $output == *"path=/srv/vm-shared,security_model=$model,mount_tag=vmShare"* ]]
        [[ $output == *"xchg,security_model=none,mount_tag=xchg"* ]]
        # the thirteenth share is behind a bridge and written in another form
        jq '.virtualisation.sharedDirectories += ([range(12) | {key: "a\(.)",
            value: {source: "/x", target: "/x\(.)"}}] | from_entries)' model.json >many.json
        run -0 "$RUN_VM_PROGRAM" --config base.json --config many.json --dry-run
        [[ $output == *"path=/srv/vm-shared,security_model=$model"* ]]
    done
    run -65 "$RUN_VM_PROGRAM" --config base.json --config model.json --dry-run \
        -o virtualisation.sharedDirectories.vmShare.securityModel=mapped
    [[ $output == *'vmShare.securityModel: is "mapped", expected one of "none", '* ]]
}

@test "empty disks are numbers, or sets with what their drives are to have" {
    local option=virtualisation.emptyDiskImages
    run -0 --separate-stderr run_vm persist-by-id --dry-run=json -o "$option=[{\"size\": 8}, 16]"
    [ "$(jq -c '[.files[] | select(.kind == "disk-image") | .bytes / 1048576]' <<<"$output")" = '[256,8,16]' ]
    run -65 run_vm persist-by-id --dry-run -o "$option=[{\"driveConfig\": {\"deviceExtraOpt\": {}}}]"
    [[ $output == *"$option.<entry 1>.size: is not set, expected positive integer, from 1 to"* ]]
    [[ $output == *"$option.<entry 1>.driveConfig.deviceExtraOpt: is not an option, expected perhaps driveConfig.deviceExtraOpts"* ]]
    run -65 run_vm persist-by-id --dry-run -o "$option=[{\"size\": 17592186044417}, \"8\"]"
    [[ $output == *"$option.<entry 1>.size: is 17592186044417, expected "*"to 2147483648 (MiB)"* ]]
    [[ $output == *"$option.<entry 2>: is \"8\", expected positive integer, from 1 to 2147483648 (MiB), size such as \"20G\", or set of size and driveConfig"* ]]
}

@test "no command is run to find the disk image's directory, which has a variable" {
    run -65 run_vm drive-beside-image --dry-run
    [[ $output == *"/drive-beside-image.json: virtualisation.qemu.drives."*'holds $(...), but no commands are run'*'$NIX_DISK_IMAGE_DIR'* ]]
    sed 's/\\"$(dirname \\"$NIX_DISK_IMAGE\\")/\\"$NIX_DISK_IMAGE_DIR/' \
        "$configurations/drive-beside-image.json" >beside.json
    mkdir 'a b'
    NIX_DISK_IMAGE="a b/x.qcow2" run -0 "$RUN_VM_PROGRAM" --config base.json --config beside.json --dry-run
    [[ $output == *"file=$(pwd -P)/a b/persist.qcow2,"* ]]
    NIX_DISK_IMAGE=/x.qcow2 run -0 "$RUN_VM_PROGRAM" --config base.json --config beside.json --dry-run
    [[ $output == *"file=//persist.qcow2,"* ]]
}

@test "a variable that is not set is none of a path" {
    run -65 run_vm drive-variable --dry-run
    [[ $output == *"/drive-variable.json: virtualisation.qemu.drives."*"NIX_BUILD_TOP, which is not set"* ]]
    NIX_BUILD_TOP=/build run -0 run_vm drive-variable --dry-run
    [[ $output == *"file=/build/ventoy.qcow2,"*"serial=ventoy"* ]]
}
