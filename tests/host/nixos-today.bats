#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The options and behaviours of NixOS's module of today, one row each: a configuration, and an expression
# of jq that is true of what --dry-run=json prints, or a text that the refusal contains.
# shellcheck disable=SC2016 # expressions of jq

bats_require_minimum_version 1.5.0

load start

# planned CONFIGURATION: prints the plan.
planned() {
    echo "$1" >config.json
    run_vm --config config.json --dry-run=json
}

# row CONFIGURATION EXPRESSION
row() {
    planned "$1" >plan.json 2>err || {
        echo "refused: $1"
        cat err
        return 1
    }
    jq -e "(.argv | join(\" \")) as \$argv | (.kernelParams | join(\" \")) as \$params | $2" \
        plan.json >/dev/null || {
        echo "$1: not true: $2"
        return 1
    }
}

# refused CONFIGURATION TEXT
refused() {
    ! planned "$1" >plan.json 2>err || {
        echo "accepted: $1"
        return 1
    }
    grep -qF -- "$2" err || {
        echo "$1: not refused with: $2"
        cat err
        return 1
    }
}

# in_vm VALUES: a configuration with these options of virtualisation.
in_vm() {
    echo "{\"virtualisation\": {$1}}"
}

@test "filesystems" {
    row "$(in_vm '"fileSystems": {"/x": {"fsType": "tmpfs", "neededForBoot": true, "enable": false}}')" \
        '.fileSystems | has("/x") | not'
    row "$(in_vm '"fileSystems": {"/a": {"fsType": "tmpfs", "neededForBoot": true, "depends": ["/b"]},
        "/b": {"fsType": "tmpfs", "neededForBoot": true}}')" \
        '$params | contains("vm.mount=tmpfs:/a:tmpfs:x-systemd.requires-mounts-for=/b ")'
    row "$(in_vm '"fileSystems": {"/m": {"neededForBoot": true, "overlay": {"lowerdir": ["/a"],
        "upperdir": "/u/u", "workdir": "/u/w", "useStage1BaseDirectories": true}}}')" \
        '$params | contains("vm.mount=overlay:/m:overlay:lowerdir=/a,upperdir=/u/u,workdir=/u/w")'
    row '{"fileSystems": {"/": {"device": "/dev/sda9", "fsType": "ext4"}}, "virtualisation": {
        "fileSystems": {"_type": "override", "priority": 50, "content": {}}}}' \
        '$params | contains("root=/dev/sda9")'
    row '{"fileSystems": {"/": {"device": "/dev/sda9", "fsType": "ext4"}}}' \
        '$params | contains("/dev/sda9") | not'
    refused "$(in_vm '"fileSystems": {"_type": "override", "priority": 50, "content": {}}')" \
        'fileSystems counts, which is empty too'
}

@test "EFI firmware" {
    local fv=$PWD/ovmf/FV smm='contains("-machine smm=on") and
        contains("-global driver=cfi.pflash01,property=secure,value=on")'
    mkdir -p "$fv"
    touch "$fv"/{OVMF,AAVMF}_{CODE,VARS}.fd "$fv/X.ms.fd"
    ln -s qemu-kvm qemu/bin/qemu-system-aarch64
    row "$(in_vm '"useEFIBoot": true')" \
        "(\$argv | contains(\"readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd\")) and (\$argv | $smm | not)"
    row "$(in_vm '"useEFIBoot": true, "useSecureBoot": true')" \
        "(\$argv | contains(\"file=/usr/share/OVMF/OVMF_CODE_4M.secboot.fd\")) and (\$argv | $smm) and
        (.files | any(.source == \"/usr/share/OVMF/OVMF_VARS_4M.fd\"))"
    # a package, as a path and as its parts
    row "$(in_vm "\"useEFIBoot\": true, \"efi\": {\"OVMF\": \"$PWD/ovmf\"}")" \
        "(\$argv | contains(\"file=$fv/OVMF_CODE.fd\")) and (\$argv | $smm | not) and
        (.files | any(.source == \"$fv/OVMF_VARS.fd\"))"
    row "{\"nixpkgs\": {\"hostPlatform\": \"aarch64-linux\"}, \"virtualisation\": {\"useEFIBoot\": true,
        \"useSecureBoot\": true, \"efi\": {\"OVMF\": \"$PWD/ovmf\"}}}" \
        "(\$argv | contains(\"file=$fv/AAVMF_CODE.fd\")) and (\$argv | $smm | not)"
    local set="\"firmware\": \"$fv/OVMF_CODE.fd\", \"variables\": \"$fv/AAVMF_VARS.fd\""
    row "$(in_vm "\"useEFIBoot\": true, \"efi\": {\"OVMF\": {$set, \"systemManagementModeRequired\": true}}")" \
        "(\$argv | contains(\"file=$fv/OVMF_CODE.fd\")) and (\$argv | $smm) and
        (.files | any(.source == \"$fv/AAVMF_VARS.fd\"))"
    row "$(in_vm "\"useEFIBoot\": true, \"useSecureBoot\": true, \"efi\": {\"OVMF\": {
        \"systemManagementModeRequired\": false}}")" \
        "(\$argv | contains(\"OVMF_CODE_4M.secboot.fd\")) and (\$argv | $smm | not)"
    row "$(in_vm "\"useEFIBoot\": true, \"efi\": {\"firmware\": \"$fv/X.ms.fd\"}")" "\$argv | $smm"
    run run_vm -o virtualisation.useEFIBoot=true -o virtualisation.efi.OVMF=/no/package
    [ "$status" != 0 ]
    [[ $output == *'virtualisation.efi.OVMF: /no/package/FV/OVMF_CODE.fd: No such file'* ]]
    refused "$(in_vm '"useEFIBoot": true, "useSecureBoot": true, "qemu": {"options": ["-machine pc"]}')" \
        'expected that type: the EFI firmware needs its system management mode'
    # such firmware could not write its variables
    row "$(in_vm '"useEFIBoot": true, "useSecureBoot": true, "efi": {"firmware": "/usr/share/OVMF/OVMF_CODE_4M.fd"}')" \
        "(\$argv | $smm | not) and (.warnings | any(contains(\"useSecureBoot has no effect: virtualisation.efi.firmware is\")))"
    row "$(in_vm "\"useEFIBoot\": true, \"useSecureBoot\": true, \"efi\": {\"firmware\": \"$fv/OVMF_CODE.fd\"}")" \
        "(\$argv | $smm) and .warnings == []"
    row "$(in_vm '"useSecureBoot": true')" '.warnings | any(contains("useSecureBoot has no effect"))'
}

@test "EFI variables" {
    local vars='first(.files[] | select(.path | endswith("nixos-efi-vars.fd")) | .source)'
    row "$(in_vm '"useEFIBoot": true')" "$vars == \"/usr/share/OVMF/OVMF_VARS_4M.fd\""
    row "$(in_vm '"useEFIBoot": true, "efi": {"keepVariables": true}')" \
        "($vars == \"/usr/share/OVMF/OVMF_VARS_4M.fd\") and
        (.warnings | any(contains(\"keepVariables has no effect\")))"
    row "$(in_vm '"useEFIBoot": true, "efi": {"keepVariables": false}')" '.warnings == []'
    mkdir -p "$PWD/loader/bin"
    touch loader/{kernel,initrd,kernel-params,init,bin/switch-to-configuration}
    local loader="\"useEFIBoot\": true, \"useBootLoader\": true"
    local system="\"system\": {\"build\": {\"toplevel\": \"$PWD/loader\"}}, \"nix\": {\"enable\": false}"
    row "{$system, \"virtualisation\": {$loader}}" "$vars | endswith(\"/boot-efi-vars.fd\")"
    row "{$system, \"virtualisation\": {$loader, \"efi\": {\"keepVariables\": false}}}" \
        "$vars == \"/usr/share/OVMF/OVMF_VARS_4M.fd\""
}

@test "boot disk" {
    mkdir -p "$PWD/system/bin"
    touch system/{initrd,kernel-params,init,bin/switch-to-configuration}
    local release
    # with MORE: a system with a boot loader, and more options of virtualisation
    with() {
        echo "{\"system\": {\"build\": {\"toplevel\": \"$PWD/system\"}}, \"nix\": {\"enable\": false},
            \"runVm\": {\"release\": \"$release\", \"transport\": \"9p\"},
            \"virtualisation\": {\"useBootLoader\": true $1}}"
    }
    release=22.11
    row "$(with '')" '.fileSystems["/boot"].device == "/dev/vdb2" and ($argv | contains("serial=") | not)'
    row "$(with ', "qemu": {"diskInterface": "scsi"}')" '.fileSystems["/boot"].device == "/dev/sdb2"'
    release=25.11
    row "$(with '')" '(.fileSystems | has("/boot") | not) and
        ($argv | contains("virtio-blk-pci,bootindex=1,drive=drive2,serial=root"))'
    row "$(with ', "useBIOSBoot": true')" '.fileSystems["/boot"].device == "/dev/disk/by-label/BOOT"'
    row "$(with ', "useEFIBoot": true')" '.fileSystems["/boot"].device == "/dev/disk/by-label/ESP"'
    row "$(with ', "useEFIBoot": true, "bootPartition": "/dev/disk/by-partlabel/esp"')" \
        '.fileSystems["/boot"].device == "/dev/disk/by-partlabel/esp"'
    row "$(with ', "bootPartition": null')" '.fileSystems | has("/boot") | not'
    row "$(with ', "bootLoaderDevice": "/dev/disk/by-id/virtio-loader"')" \
        '$argv | contains("bootindex=1,drive=drive2,serial=loader")'
    row "$(with ', "installBootLoader": false')" \
        '$argv | contains("bootindex=1,drive=drive1") and contains("virtio-blk-pci,drive=drive2,serial=root")'
    row "$(with ', "useDefaultFilesystems": false,
        "fileSystems": {"/": {"device": "/dev/vda", "fsType": "ext4"}}')" '$argv | contains("bootindex=1,drive=drive1")'
    row "$(with ', "useEFIBoot": true, "useBIOSBoot": true')" \
        '.warnings | any(contains("useBIOSBoot has no effect: virtualisation.useEFIBoot is true"))'
    refused "$(with ', "bootPartition": "/dev/disk/by-label/too-long-for-FAT"')" 'at most 11 letters'
}

@test "drives" {
    row "$(in_vm '"emptyDiskImages": [5, {"size": 7, "driveConfig": {"name": "data",
        "driveExtraOpts": {"cache": "unsafe"}, "deviceExtraOpts": {"serial": "my-data"}}}]')" \
        '(.argv | any(contains("empty0.qcow2,id=drive2,if=none,index=2,werror=report"))) and
        (.argv | any(startswith("cache=unsafe") and contains("empty1.qcow2,id=drive3"))) and
        (.argv | any(. == "virtio-blk-pci,drive=drive3,serial=my-data")) and
        ([.files[] | select(.path | contains("/empty")) | .bytes] == [5242880, 7340032])'
    refused "$(in_vm '"emptyDiskImages": [{"driveConfig": {}}]')" 'emptyDiskImages'
    refused "$(in_vm '"emptyDiskImages": [{"size": 5, "driveConfig": {"serial": "x"}}]')" 'emptyDiskImages'
    row '{"runVm": {"release": "26.11"}, "virtualisation": {"useNixStoreImage": true}}' \
        '$argv | contains("virtio-blk-pci,bootindex=1,drive=drive1,serial=root") and contains("bootindex=2,drive=drive2")'
    row '{"runVm": {"release": "22.11"}}' '$argv | contains("serial=") | not'
}

@test "the host's certificates" {
    NIX_SSL_CERT_FILE=config.json row "$(in_vm '"useHostCerts": true')" '.fileSystems["/etc/ssl/certs"].device == "certs"
        and ($argv | test("path=[^ ]*/certs,security_model=none,mount_tag=certs,readonly=on"))
        and ([.files[].path] | any(endswith("/certs/ca-certificates.crt"))) and .warnings == []'
    row '{}' '.fileSystems | has("/etc/ssl/certs") | not'
}

@test "/tmp" {
    row '{"boot": {"tmp": {"useTmpfs": true, "tmpfsSize": "30%", "cleanOnBoot": true}}}' \
        '$params | contains("vm.mount=tmpfs:/tmp:tmpfs:") and contains("size=30%")'
    row '{"boot": {"tmpOnTmpfs": true, "tmpOnTmpfsSize": "30%"}}' '$params | contains("size=30%")'
    refused '{"boot": {"tmpOnTmpfs": true, "tmp": {"useTmpfs": false}}}' 'conflicting definitions'
}

@test "shares" {
    local share='"sharedDirectories": {"x": {"source": "/tmp", "target": "/x"'
    row "$(in_vm "$share}}")" '($argv | contains("security_model=none,mount_tag=x,multidevs")) and
        .fileSystems["/x"].options == ["trans=virtio", "version=9p2000.L", "msize=16384"]'
    row "{\"runVm\": {\"release\": \"25.11\"}, \"virtualisation\": {$share}}}}" \
        '$argv | contains("security_model=mapped-xattr,mount_tag=x,multidevs")'
    row "$(in_vm "$share, \"securityModel\": \"mapped-file\"}}")" \
        '$argv | contains("security_model=mapped-file,mount_tag=x,multidevs")'
    row "$(in_vm "$share, \"writable\": false}}")" '.fileSystems["/x"].options[0] == "ro" and
        ($argv | contains("mount_tag=x,readonly=on")) and ($params | contains("vm.share=x:/x:ro"))'
    row "{\"runVm\": {\"release\": \"26.11\", \"transport\": \"9p\"}, \"virtualisation\": {$share}}}}" \
        '($argv | contains("security_model=none,mount_tag=x,readonly=on")) and
        ($argv | contains("mount_tag=xchg,multidevs")) and ($argv | contains("mount_tag=shared,multidevs"))'
    refused "$(in_vm '"sharedDirectories": {"nix-store": {"source": "/nix/store", "target": "/nix/store",
        "writable": true}}')" \
        "the guest may never write to the host's store"
}

# system RELEASE VALUES: a configuration of a system for the release, with these options of virtualisation.
system() {
    mkdir -p system closure
    touch system/{kernel,initrd,kernel-params} closure/registration
    echo "{\"system\": {\"build\": {\"toplevel\": \"$PWD/system\", \"regInfo\": \"$PWD/closure\"}},
        \"runVm\": {\"release\": \"$1\", \"initrd\": \"system\"}, \"virtualisation\": {$2}}"
}

@test "the store" {
    local share='"sharedDirectories": {"nix-store": {"source": "/nix/store", "target": "/nix/.ro-store",
        "securityModel": "none"}}' lower='.fileSystems["/nix/.ro-store"]' shared
    shared='($argv | contains("mount_tag=nix-store,readonly=on"))'
    row "$(system 26.05 "$share")" "$shared and $lower.device == \"nix-store\" and
        (.fileSystems | has(\"/nix/store\") | not)"
    refused "$(system 23.11 "$share")" 'conflicting definitions'
    row "$(system 26.05 '"writableStore": false')" "$shared and $lower.device == \"nix-store\" and
        .fileSystems[\"/nix/store\"].options == [\"bind\"]"
    row "$(system 23.11 '"writableStore": false')" "$shared and .fileSystems[\"/nix/store\"].device == \"nix-store\""
    row "$(system 26.05 '"nixStore9pCache": "none"')" "$lower.options[-1] == \"cache=none\""
    row "$(system 26.05 '"mountHostNixStore": false')" "($shared | not) and (.fileSystems | keys | map(select(
        startswith(\"/nix\"))) == []) and (\$params | contains(\"regInfo=\") | not)"
    row "$(system 26.05 '"useNixStoreImage": true')" "($shared | not) and $lower.device == \"/dev/vdb\" and
        .fileSystems[\"/nix/store\"].device == \"/nix/.ro-store\""
    row "$(system 22.11 '"useNixStoreImage": true')" "$lower.device == \"/dev/vdb\" and
        (.fileSystems | has(\"/nix/.rw-store\"))"
    refused "$(system 26.05 '"useNixStoreImage": true, "mountHostNixStore": true')" 'expected one source'
}

@test "options that are as they were" {
    row "$(in_vm '"memorySize": 2048, "cores": 3, "restrictNetwork": true, "forwardPorts": [
        {"host": {"address": "127.0.0.1", "port": 2222}, "guest": {"port": 22}}]')" \
        '$argv | contains("-m 2048 -smp 3") and contains("hostfwd=tcp:127.0.0.1:2222-:22,restrict=on")'
    row "$(in_vm '"qemu": {"diskInterface": "scsi", "consoles": ["ttyS1"], "virtioKeyboard": false,
        "options": ["-device usb-kbd"], "networkingOptions": ["-device e1000"], "drives": [{"file": "x.img"}]}')" \
        '($argv | contains("scsi-hd") and contains("-device usb-kbd") and contains("-device e1000") and
        contains("file=x.img") and (contains("virtio-keyboard") | not)) and ($params | contains("console=ttyS1"))'
    row "$(in_vm '"bios": "/b"')" '$argv | contains("-bios /b/bios.bin")'
    row "$(in_vm '"useDefaultFilesystems": false, "fileSystems": {"/": {"device": "/dev/vdb"}}')" \
        '$params | contains("root=/dev/vdb")'
    row "$(in_vm '"host": {"pkgs": {}}, "diskSizeAutoSupported": true, "writableStoreUseTmpfs": false')" '.warnings == []'
    row '{"networking": {"primaryIPv6Address": "::1"}, "boot": {"loader": {}}}' '.warnings == []'
    row "$(in_vm '"pathsInNixDB": ["/nix/store/x"]')" '.files | any(.kind == "registration")'
    refused "$(in_vm '"vmVariant": {}')" 'virtualisation.vmVariant: is not an option'
}

@test "disks" {
    row '{"runVm": {"release": "26.11", "transport": "9p"}}' '($params | contains("root=LABEL=nixos")) and
        ($argv | contains("virtio-blk-pci,bootindex=1,drive=drive1,serial=root"))'
    row '{}' '($params | contains("root=/dev/vda")) and ($argv | contains("serial=") | not)'
    row "$(in_vm '"rootDevice": "/dev/disk/by-label/x"')" '$params | contains("root=LABEL=x")'
    row "$(in_vm '"bootDevice": "/dev/vdx"')" '$params | contains("root=/dev/vdx")'
    row "$(in_vm '"emptyDiskImages": [8, {"size": 16, "driveConfig": {"name": "x",
        "driveExtraOpts": {"cache": "none"}, "deviceExtraOpts": {"serial": "y"}}}]')" \
        '(.files | map(select(.kind == "disk-image").bytes)) == [8388608, 8388608, 16777216] and
        ($argv | test("cache=none,file=[^ ]*/empty1.qcow2")) and ($argv | contains("drive=drive3,serial=y"))'
    run_vm() {
        "$RUN_VM_PROGRAM" --kernel system/kernel --modules-dir "$modules" --init /init \
            --guest-init system/guest-init --accel tcg -o "virtualisation.qemu.package=$PWD/qemu" "$@"
    }
    refused "$(in_vm '"diskSize": "auto"')" 'expected its size in MiB'
    touch nixos.qcow2
    row "$(in_vm '"diskSize": "auto"')" 'true'
}

@test "direct boot, with another initrd, and without" {
    row "$(in_vm '"directBoot": {"initrd": "/x/initrd"}')" \
        '($argv | contains("-initrd /x/initrd")) and ($params | contains("vm.") | not)'
    row "$(in_vm '"directBoot": {"enable": false}')" '$argv | contains("-kernel") | not'
    refused "$(in_vm '"directBoot": {"enable": false, "initrd": "/x"}')" 'expected virtualisation.directBoot.enable = true, or no initrd'
    row "$(in_vm '"directBoot": {"enable": true}, "useBootLoader": true, "rootDevice": "/dev/vdx"' |
        jq -c --arg system "$PWD/system" '.system.build.bootDisk = $system')" \
        '.warnings | any(contains("useBootLoader has no effect on what boots"))'
}

# idle CONFIGURATION OPTION REASON: the one warning says that the option has no effect, and why.
idle() {
    row "$1" "[.warnings[] | select(startswith(\"config.json: \"))] == [\"config.json: $2 has no effect: $3.\"]"
}

@test "options that are set and have no effect" {
    local v=virtualisation
    idle "$(in_vm '"graphics": false, "resolution": {"x": 800, "y": 600}')" $v.resolution "$v.graphics is false"
    idle "$(in_vm '"writableStore": false, "writableStoreUseTmpfs": false')" \
        $v.writableStoreUseTmpfs "$v.writableStore is false"
    idle "$(in_vm '"efi": {"firmware": "/x"}')" $v.efi.firmware "$v.useEFIBoot is false"
    idle "$(in_vm '"efi": {"variables": "/x"}')" $v.efi.variables "$v.useEFIBoot is false"
    idle "$(in_vm '"efiVars": "x"')" $v.efiVars "$v.useEFIBoot is false"
    idle "$(in_vm '"bios": "/x", "useEFIBoot": true, "efi": {"firmware": "/c", "variables": "/v"}')" \
        $v.bios "$v.useEFIBoot is true"
    idle "$(in_vm '"persistBootDevice": true')" $v.persistBootDevice "$v.useBootLoader is false"
    idle "$(in_vm '"diskImage": null, "rootDevice": "/dev/vdx"')" $v.rootDevice "$v.diskImage is null"
    idle "$(in_vm '"useDefaultFilesystems": false, "rootDevice": "/dev/vdx",
        "fileSystems": {"/": {"device": "/dev/vda"}}')" $v.rootDevice "$v.useDefaultFilesystems is false"
    idle "$(in_vm '"msize": 65536, "sharedDirectories": {"_type": "override", "priority": 50, "content": {}}')" \
        $v.msize "no share is on 9p"
    idle "$(in_vm '"qemu": {"enableSharedMemory": true, "options": ["-mem-path /dev/shm"]}')" \
        $v.qemu.enableSharedMemory "an option for QEMU says where the memory is"
    row "$(in_vm '"qemu": {"enableSharedMemory": true, "options": ["-object memory-backend-file,id=m,share=on"
        , "-machine memory-backend=m"]}')" '.warnings == []'
    row "$(in_vm '"qemu": {"enableSharedMemory": true, "options": ["-object memory-backend-file,id=m,share=yes"
        , "-machine memory-backend=m"]}')" '.warnings == []'
    idle "$(in_vm '"qemu": {"enableSharedMemory": true, "options": ["-machine memory-backend=m",
        "-object memory-backend-memfd,id=m,share=off"]}')" \
        $v.qemu.enableSharedMemory "an option for QEMU says where the memory is"
    idle "$(in_vm '"diskImage": null, "qemu": {"diskInterface": "scsi"}')" \
        $v.qemu.diskInterface "the machine has no drive"
    idle "$(in_vm '"qemu": {"consoles": ["ttyS0"], "options": ["-append x"]}')" \
        $v.qemu.consoles "an option -append for QEMU replaces the kernel's parameters"
    idle "$(in_vm '"directBoot": {"enable": false}, "qemu": {"consoles": ["ttyS0"]}')" \
        $v.qemu.consoles 'QEMU is given no kernel, and so no parameters for it'
    idle '{"boot": {"tmp": {"tmpfsSize": "30%"}}}' boot.tmp.tmpfsSize 'boot.tmp.useTmpfs is false'
    # defaults of a module are no wish
    row "$(in_vm '"graphics": false, "resolution": {"_type": "override", "priority": 1000, "content": {"x": 800, "y": 600}},
        "msize": {"_type": "override", "priority": 1500, "content": 16384}')" '.warnings == []'
}

@test "options of the command line that are for another way to boot" {
    in_vm '"directBoot": {"enable": false}' >config.json
    run run_vm --config config.json --dry-run=json
    [ "$status" = 0 ]
    local option
    for option in --kernel --modules-dir --init; do
        [[ $output == *"command line: $option has no effect: virtualisation.directBoot.enable is false, so that "* ]]
    done
}

@test "options that are set and have no effect with the system's own initrd" {
    row "$(own_initrd '"stripModules": true' | jq -c '.virtualisation.qemu.guestAgent.enable = true')" \
        '[.warnings[] | select(startswith("config.json: "))] | length == 2 and
        any(contains("runVm.stripModules has no effect: the initrd is the system")) and
        any(contains("virtualisation.qemu.guestAgent.enable has no effect: with the system"))'
}

@test "QEMU's accelerator, memory and processors" {
    row "$(in_vm '"qemu": {"enableSharedMemory": true}')" '$argv | contains("memory-backend-memfd")'
    local foreign='"nixpkgs": {"hostPlatform": "riscv32-linux"}, "virtualisation": {"qemu": {"forceAccel":'
    ln -s qemu-kvm qemu/bin/qemu-system-riscv32
    echo "{$foreign false}}}" >config.json
    run_vm --config config.json --accel auto --dry-run >/dev/null
    echo "{$foreign true}}}" >config.json
    run -65 run_vm --config config.json --accel auto --dry-run
    [[ $output == *"virtualisation.qemu.forceAccel: is true, but KVM cannot be used"* ]]
    row "{$foreign true}}}" '$argv | contains("-accel tcg")' # --accel decides
    local cpu
    for cpu in s390x loongarch64 mips64 i386 riscv64 aarch64; do
        ln -s qemu-kvm "qemu/bin/qemu-system-$cpu"
    done
    row '{"nixpkgs": {"hostPlatform": "s390x-linux"}}' \
        '($argv | contains("s390-ccw-virtio")) and ($params | contains("console=ttysclp0"))'
    row '{"nixpkgs": {"hostPlatform": "riscv64-linux"}}' '$argv | contains("-device virtio-net-pci,netdev=user.0")'
    local arm='"nixpkgs": {"hostPlatform": "aarch64-linux"}'
    row "{$arm}" '$argv | contains("virtio-gpu-pci")'
    row "{$arm, \"runVm\": {\"release\": \"26.11\", \"transport\": \"9p\"}}" '$argv | contains("virtio-gpu-pci") | not'
    refused '{"nixpkgs": {"hostPlatform": "s390x-linux"}, "virtualisation": {"qemu": {"diskInterface": "scsi"}}}' \
        'is "scsi", which QEMU'"'"'s machine for s390x-linux lacks, expected "virtio"'
    refused '{"nixpkgs": {"hostPlatform": "s390x-linux"}, "virtualisation": {"useEFIBoot": true}}' \
        'run-vm knows no firmware for s390x-linux'
    row '{"nixpkgs": {"hostPlatform": "riscv64-linux"}, "virtualisation": {"useEFIBoot": true}}' \
        '$argv | contains("/usr/share/qemu-efi-riscv64/RISCV_VIRT_CODE.fd")'
    row '{"nixpkgs": {"hostPlatform": "loongarch64-linux"}}' '$params | contains("console=ttyS0")'
    row '{"nixpkgs": {"hostPlatform": "mips64-linux"}}' '$params | contains("console=ttyS0")'
    row '{"nixpkgs": {"hostPlatform": "i686-linux"}}' '$params | contains("console=ttyS0")'
}

@test "TPM" {
    local cpu on='"tpm": {"enable": true' path
    for cpu in aarch64 riscv64; do
        ln -s qemu-kvm "qemu/bin/qemu-system-$cpu"
    done
    row "$(in_vm "$on}")" '(.tpm.state | endswith("/caller/nixos-swtpm")) and
        ($argv | contains("-chardev socket,id=run-vm-tpm,path=tpm.sock -tpmdev emulator,id=run-vm-tpm,chardev=run-vm-tpm -device tpm-tis,tpmdev=run-vm-tpm")) and
        (.files | map(.kind) | index("kernel") == null)'
    row "$(in_vm "$on, \"deviceModel\": \"tpm-crb\"}")" '$argv | contains("-device tpm-crb,")'
    row "{\"nixpkgs\": {\"hostPlatform\": \"aarch64-linux\"}, \"virtualisation\": {$on}}}" \
        '$argv | contains("-device tpm-tis-device,")'
    refused "{\"nixpkgs\": {\"hostPlatform\": \"riscv64-linux\"}, \"virtualisation\": {$on}}}" \
        'tpm.deviceModel: has no default for riscv64-linux'
    NIX_SWTPM_DIR=elsewhere row "$(in_vm "$on}")" '.tpm.state | endswith("/caller/elsewhere")'
    row "$(in_vm '"tpm": {"deviceModel": "tpm-crb"}')" \
        '.tpm == null and (.warnings[0] | contains("tpm.enable is false"))'
    path=$(command -v swtpm)
    row "$(in_vm "$on, \"package\": \"${path%/bin/swtpm}\"}")" ".tpm.program == \"$path\""
    row "$(in_vm "$on, \"package\": \"$path\"}")" ".tpm.program == \"$path\""
    refused "$(in_vm "$on, \"package\": \"/nowhere\"}")" 'virtualisation.tpm.package: /nowhere: no such program'
    refused "$(in_vm "$on, \"provisioning\": \"tpm2_nvdefine 0x1\"}")" 'is a command or a script, expected the path'
    refused "$(in_vm "$on, \"provisioning\": \"/nowhere\"}")" 'tpm.provisioning: /nowhere: no such program'

    in_vm "$on}" >config.json
    PATH=/nowhere run_vm --config config.json --dry-run=json 2>err || true
    grep -qF 'virtualisation.tpm: swtpm: not found on PATH; Debian has it in the package swtpm' err

    # a start: the program provisions the TPM once, and a failure is as if it had not begun
    in_vm "$on, \"provisioning\": \"$PWD/provision\"}" >config.json
    printf '#!/bin/sh\ntpm2_getcap -Q properties-fixed && exit 7\n' >provision
    chmod +x provision
    run run_vm --config config.json
    echo "$output"
    [ "$status" = 7 ]
    [[ $output == *"tpm.provisioning: $PWD/provision: failed with exit status 7"* ]]
    [ ! -e nixos-swtpm ]
    printf '#!/bin/sh\necho "$TPM2TOOLS_TCTI $TCTI" >>provisioned; tpm2_getcap -Q properties-fixed\n' >provision
    run_vm --config config.json
    run_vm --config config.json
    grep -Ex 'swtpm:path=(.*)/nix-vm.*/tpm-setup.sock swtpm:path=\1/nix-vm.*/tpm-setup.sock' provisioned
    [ "$(wc -l <provisioned)" = 1 ]
    [ "$(ls -A nixos-swtpm)" = tpm2-00.permall ] || [ "$(ls -A nixos-swtpm)" = $'.lock\ntpm2-00.permall' ]
    # commas are no part of swtpm's options, nor can they be in those of the TPM's clients
    NIX_SWTPM_DIR=a,b run_vm --config config.json
    [ -e a,b/tpm2-00.permall ]
    mkdir c,d
    TMPDIR=$PWD/c,d NIX_SWTPM_DIR=e run run_vm --config config.json
    [[ $output == *"$PWD/c,d/"*'a comma in its name'*'choose a TMPDIR without'* ]]
    # a swtpm without libseccomp has no option to turn it off
    printf '#!/bin/sh\necho "$*" >>%q
case $* in *--print-cap*) echo "{ \\"features\\": [ \\"tpm-2.0\\"$FEATURE ] }"; exit ;; esac
exec swtpm "$@"\n' "$PWD/commands" >other-swtpm
    chmod +x other-swtpm
    rm -r a,b
    NIX_SWTPM_DIR=a,b run_vm --config config.json -o runVm.sandbox=false \
        -o "virtualisation.tpm.package=$PWD/other-swtpm"
    run ! grep -q seccomp commands
    rm -r a,b
    FEATURE=', "cmdarg-seccomp"' NIX_SWTPM_DIR=a,b run_vm --config config.json -o runVm.sandbox=false \
        -o "virtualisation.tpm.package=$PWD/other-swtpm"
    grep -q 'action=none.*startup-clear' commands
    # a swtpm that fails is named, with its output
    printf '#!/bin/sh\necho a reason >&2; exit 3\n' >swtpm
    chmod +x swtpm
    qemu 'exec sleep 100'
    run run_vm --config config.json -o virtualisation.tpm.package=./swtpm
    [[ $output == *"swtpm for $PWD/nixos-swtpm: failed with exit status 3"*'swtpm: a reason'* ]]
}

@test "credentials" {
    local secret='"text": "hunter2"' big='"text": "'
    ln -s qemu-kvm qemu/bin/qemu-system-aarch64
    row "$(in_vm "\"credentials\": {\"a\": {$secret}, \"b.c\": {\"source\": \"x\"}}")" \
        '($argv | contains("-smbios type=11,path=/dev/fd/100 -smbios type=11,path=/dev/fd/101")) and
        ($params | contains("vm.modules=dmi-sysfs")) and (tostring | contains("hunter2") | not)'
    row "$(in_vm "\"credentials\": {\"a,b\": {$secret, \"mechanism\": \"fw_cfg\"}}")" \
        '$argv | contains("-fw_cfg name=opt/io.systemd.credentials/a,,b,file=/dev/fd/100")'
    row "{\"nixpkgs\": {\"hostPlatform\": \"aarch64-linux\"}, \"virtualisation\": {\"credentials\": {\"a\": {$secret}}}}" \
        '$argv | contains("-fw_cfg")'
    refused "{\"nixpkgs\": {\"hostPlatform\": \"aarch64-linux\"}, \"virtualisation\": {
        \"credentials\": {\"a\": {$secret, \"mechanism\": \"smbios\"}}}}" 'aarch64-linux do not have, expected "fw_cfg"'
    refused "$(in_vm "\"credentials\": {\"a\": {$secret, \"source\": \"/x\"}}")" 'has both source and text'
    refused "$(in_vm '"credentials": {"a": {}}')" 'has neither source nor text'
    refused "$(in_vm "\"credentials\": {\"a\": {$secret, \"mechanism\": \"acpi\"}}")" 'expected one of "smbios", "fw_cfg"'
    local name
    for name in a/b a:b 'a b' a=b .. ''; do
        refused "$(in_vm "\"credentials\": {\"$name\": {$secret}}")" 'has a name that systemd or QEMU cannot take'
    done
    refused "$(in_vm "\"credentials\": {\"a2345678901234567890123456789\": {$secret, \"mechanism\": \"fw_cfg\"}}")" \
        'expected at most 28 printable'
    refused "$(in_vm "\"credentials\": {$(printf "\"c%d\": {$secret, \"mechanism\": \"fw_cfg\"}, " {1..11})
        \"a\": {$secret}}")" 'has 11 credentials'

    # the firmware keeps the strings, beside which there must be room for the kernel: see the boot test
    row "$(in_vm "\"credentials\": {\"a\": {$secret}}")" '.files | map(.kind) | index("kernel") != null'
    name=$(head -c 251 /dev/zero | tr '\0' n)
    row "$(in_vm "\"credentials\": {$(printf "\"$name%d\": {$secret}, " {100..149})
        \"a\": {$secret}}")" '.files | map(.kind) | index("kernel") == null'
    row "$(in_vm "\"credentials\": {\"a\": {\"source\": \"$PWD/config.json\"}}")" \
        '.files | map(.kind) | index("kernel") == null'

    # a start: QEMU reads the descriptor
    qemu 'for argument; do case $argument in type=11,path=*) cat "${argument#*path=}" ;; esac; done'
    in_vm "\"credentials\": {\"a\": {$secret}}" >config.json
    [ "$(run_vm --config config.json)" = "io.systemd.credential.binary:a=$(printf hunter2 | base64)" ]
    printf '#!/bin/sh\nexec strace -o /dev/null -e inject=memfd_create:error=EMFILE %q "$@"\n' \
        "$RUN_VM_PROGRAM" >faulty
    chmod +x faulty
    RUN_VM_PROGRAM=$PWD/faulty run run_vm --config config.json
    echo "$output"
    [[ $output == *'credentials.a.text: cannot be handed to QEMU: Too many open files'* ]]
    big+=$(head -c 45000 /dev/zero | tr '\0' x)\"
    in_vm "\"credentials\": {\"a\": {$big}}" >config.json
    rm nixos.qcow2
    run run_vm --config config.json
    [ "$status" = 74 ]
    [[ $output == *'credentials.a.text: too large: '*'give it the mechanism "fw_cfg"'* ]]
    in_vm '"credentials": {"a": {"source": "/nowhere/a"}}' >config.json
    run run_vm --config config.json
    [ "$status" = 74 ]
    [[ $output == *'credentials.a.source: /nowhere/a: '* ]]
    [ ! -e nixos.qcow2 ]
}

@test "no message shows a credential" {
    local value text='{"text": "hunter2"}'
    for value in "[$text]" '"hunter2"' '{"a": "hunter2"}' '{"a": ["hunter2"]}' '{"a": {"text": ["hunter2"]}}' \
        '{"a": {"text": {"hunter": "hunter2"}}}' '{"a": {"mechanism": "hunter2"}}' \
        "{\"a\": {\"source\": [\"hunter2\"]}}"; do
        refused "$(in_vm "\"credentials\": $value")" ': is (hidden), expected '
        run ! grep -e hunter2 -e neither err
    done
    for value in '"text" "hunter2"' '"text": "hunter2" "b"' '"text": "hunter2\x"' '"text": hunter2' '"text": "hunter2'; do
        refused "$(in_vm "\"credentials\": {\"a\": {$value}}")" 'config.json:1:'
        run ! grep hunter2 err
    done
    refused "{\"virtualisation\": [{\"credentials\": {\"a\": $text}}]}" 'virtualisation: is a list, expected a set'
    run ! grep hunter2 err
    run run_vm -o virtualisation.credentials=hunter2 --dry-run
    [ "$status" = 65 ]
    [[ $output == *'virtualisation.credentials: is (hidden), expected '* ]]
    run run_vm -o 'virtualisation.credentials."a.text=hunter2' --dry-run
    [ "$status" = 65 ]
    [[ $output != *hunter2* ]]

    in_vm "\"credentials\": {\"b.c\": $text}" >one.json
    in_vm "\"credentials\": {\"b.c\": {\"text\": \"hunter22\"}}" >two.json
    run run_vm --config one.json --config two.json --dry-run
    [ "$status" = 65 ]
    [[ $output == *'two.json: virtualisation.credentials."b.c".text: has conflicting definitions: (hidden) (two.json), (hidden) (one.json)'* ]]
    [[ $output != *hunter2* && $output != *neither* ]]
}

@test "test driver and networks of tests" {
    row "$(in_vm '"test": {"nodeName": "server", "nodeNumber": 3}')" '$argv | contains("-name server")'
    row '{"networking": {"hostName": "box"}, "virtualisation": {"test": {"nodeName": "server"}}}' \
        '$argv | contains("-name box")'
    export QEMU_VDE_SOCKET_1=/one QEMU_VDE_SOCKET_2=/two
    row "$(in_vm '"vlans": [2], "test": {"nodeNumber": 11}')" \
        '[.machine.cards[1].mac, .machine.networks[1].vdeSocket] == ["52:54:00:12:02:0B", "/two"]'
    row "$(in_vm '"interfaces": {"lan": {"vlan": 2, "assignIP": true}}, "allInterfaces": {"lan":
        {"name": "lan", "vlan": 2, "assignIP": true}, "eth1": {"name": "eth1", "vlan": 1, "assignIP": true}}')" \
        '$argv | test("netdev=vlan1,mac=52:54:00:12:01:01.*netdev=vlan2,mac=52:54:00:12:02:01")'
    row "$(in_vm '"vlans": [1], "qemu": {"options": [
        "-device virtio-net-pci,netdev=vlan1,mac=52:54:00:12:01:01",
        "-netdev vde,id=vlan1,sock=\"$QEMU_VDE_SOCKET_1\""]}')" \
        '[.argv[] | select(contains("vlan1"))] | length == 2'
}

@test "names of other modules, and names that are nearly right" {
    row "$(in_vm '"docker": {"enable": true}, "podman": {}, "libvirtd": {}, "lxc": {},
        "containers": {}')" '.warnings == []'
    refused '{"virtualization": {}}' 'expected perhaps virtualisation'
    refused '{"runvm": {}}' 'expected perhaps runVm'
    refused '{"networking": {"hostname": "x"}}' 'expected perhaps networking.hostName'
    refused "$(in_vm '"memorysize": 1')" 'expected perhaps virtualisation.memorySize'
    refused "$(in_vm '"sharedDirectories": {"a": {"Source": "/x", "target": "/y"}}')" \
        'expected perhaps source'
    refused '{"memorysize": 1}' 'expected perhaps virtualisation.memorySize'
}

@test "names of other modules, and names that are nearly right, on the command line" {
    local name meant
    run_vm --dry-run -o virtualisation.docker.enable=true -o virtualisation.oci-containers.backend=docker \
        -o virtualisation.podman=x -o virtualisation.rootDir=/x -o virtualisation.cmdline=x >/dev/null 2>err
    for name in docker.enable oci-containers.backend podman rootDir cmdline; do
        grep -qxF "run-vm: warning: command line: virtualisation.$name has no effect on run-vm." err
    done
    run_vm --dry-run -o virtualisation.useDefaultFilesystems=false -o virtualisation.bootDevice=/dev/vda \
        -o 'virtualisation.fileSystems={"/": {"fsType": "tmpfs"}}' >/dev/null 2>err
    grep -qF "command line: virtualisation.bootDevice has no effect" err
    while read -r name meant; do
        ! run_vm --dry-run -o "$name=1" 2>err || return 1
        cat err
        grep -qF "command line: $name: is not an option, expected perhaps $meant" err
    done <<'END'
virtualization.memorySize virtualisation.memorySize
virtualisation.memory-size virtualisation.memorySize
memorysize virtualisation.memorySize
runvm.store runVm.store
networking.hostname networking.hostName
virtualisation.qemu.Options virtualisation.qemu.options
virtualisation.sharedDirectories.x.Source source
virtualisation.fileSystems./x.fstype fsType
END
}

# own_initrd VALUES: a configuration with a system, its own initrd and these options of runVm.
own_initrd() {
    touch system/{initrd,init,kernel-params}
    jq -nc --arg system "$PWD/system" "{runVm: {initrd: \"system\", $1},
        system: {build: {toplevel: \$system, regInfo: \$system}}}"
}

# boot_loader VALUES: the same with a boot loader and run-vm's own initrd.
boot_loader() {
    own_initrd "$1" | jq -c 'del(.runVm.initrd) | .virtualisation.useBootLoader = true'
}

# without LIST COMMAND...: runs it where the programs of the list do not exist; if the variable `user` is
# set, as that user.
without() {
    export -f row refused planned run_vm
    export modules
    unshare -rm bash -uc 'for program in $1; do
            [ ! -e "$program" ] || mount --bind /dev/null "$program"
        done
        shift
        ${user:+unshare --user --map-user="$user"} bash -uc "\"\$@\"" bash "$@"' bash "$@"
}

@test "the transport of shares" {
    local served
    served='"release": "26.11", "virtiofsd": "'$(type -P true)'"'
    row "{\"runVm\": {$served}}" \
        '($argv | contains("vhost-user-fs-pci")) and (.warnings == []) and
        (.fileSystems["/tmp/xchg"].fsType == "virtiofs") and (.servers | length == 2)'
    row "{\"runVm\": {$served, \"transport\": \"9p\"}}" \
        '(.servers == []) and (.warnings | length == 1) and (.warnings[0] | contains("runVm.virtiofsd has no effect"))'
    row '{"runVm": {"release": "26.05"}}' '.servers == []'
    row "$(own_initrd "$served")" '.servers | length == 3'
    refused "$(own_initrd "$served, \"transport\": \"9p\"")" \
        'runVm.transport: is "9p", expected "virtiofs"'
    refused "$(own_initrd '"transport": "virtiofs"')" 'runVm.transport: is "virtiofs", expected "9p"'
    row "$(boot_loader "$served")" '.servers | length == 3'
    refused "$(boot_loader "$served, \"transport\": \"9p\"")" \
        "expected \"virtiofs\": the system's own initrd, which virtualisation.useBootLoader asks for"
}

# Sets `qemus` to the virtiofsd of QEMU 7, `others` to all others, and `note` to an expression of jq: the one
# warning is that shares are on 9p.
virtiofsds() {
    qemus=/usr/lib/qemu/virtiofsd others="/usr/libexec/virtiofsd /usr/lib/virtiofsd $(type -P virtiofsd || true)"
    note='(.warnings | length == 1) and (.warnings[0] | contains("9p, not on virtiofs") and
        contains("package virtiofsd") and (contains("\n") | not))'
}

@test "the transport of shares without a virtiofsd" {
    virtiofsds
    without "$qemus $others" row '{"runVm": {"release": "26.11"}}' \
        "(.servers == []) and (.fileSystems[\"/tmp/xchg\"].fsType == \"9p\") and $note"
    without "$qemus $others" row '{"runVm": {"release": "26.11", "transport": "9p"}}' '.warnings == []'
    without "$qemus $others" refused '{"runVm": {"transport": "virtiofs"}}' 'virtiofsd: not found'
    without "$qemus $others" refused "$(own_initrd '"release": "26.11"')" \
        "system's own initrd mounts shares by virtiofs: virtiofsd: not found"
    without "$qemus $others" refused "$(boot_loader '"release": "26.11"')" \
        "system's own initrd mounts shares by virtiofs: virtiofsd: not found"
}

@test "the transport of the store that run-vm chooses, and why" {
    virtiofsds
    local store='"virtualisation": {"sharedDirectories": {"nix-store": {"source": "/usr", "target": "/nix/store"}}}'
    local auto="{\"runVm\": {\"storeTransport\": \"auto\"}, $store}"
    without "$qemus $others" row "$auto" '(.store.transport == "9p") and (.servers == []) and (.warnings == []) and
        (.store.reason | contains("virtiofsd: not found"))'
    without "$qemus $others" refused \
        "{\"runVm\": {\"storeTransport\": \"auto\", \"virtiofsd\": \"/none\"}, $store}" "runVm.virtiofsd"
    row "{\"runVm\": {\"storeTransport\": \"auto\", \"virtiofsd\": \"$(type -P true)\"}, $store}" \
        '(.store.transport == "virtiofs") and (.servers | length == 1) and (.warnings == []) and
        (.store.reason | contains("serves this user"))'
    run_vm --config config.json --dry-run | head -1 | grep -q "^# store: virtiofs: .*serves this user"
    row "{$store}" '.store == {"transport": "9p", "reason": null}'
    run_vm --config config.json --dry-run | head -1 | grep -qv '^#'
    row "{\"runVm\": {\"storeTransport\": \"auto\"}}" \
        '(.store == null) and (.warnings[0] | contains("storeTransport has no effect"))'
    local closed='"system": {"build": {"storeClosure": "/nix/store/closure"}}'
    row "{\"runVm\": {\"storeTransport\": \"auto\"}, $closed}" \
        '(.store.transport == "erofs") and (.store.reason | contains("fastest")) and (.warnings == []) and
        (.fileSystems["/nix/.ro-store"].device == "/dev/vdb") and (.fileSystems | has("/nix/.rw-store"))'
    run_vm --config config.json --dry-run | head -1 | grep -q "^# store: erofs: "
    row "{\"runVm\": {\"storeTransport\": \"auto\", \"warmStart\": true}, $closed, $store}" '.store.transport == "9p"'
    row "{\"runVm\": {\"storeTransport\": \"auto\", \"virtiofsd\": \"$(type -P true)\"}, $closed,
        ${store%\}}, \"mountHostNixStore\": true}}" '.store.transport == "virtiofs"'
    [ -e "$qemus" ] || return 0
    user=1000 without "$others" row "$auto" '(.store.transport == "9p") and (.store.reason | contains("serves root only"))'
}

@test "the transport of shares with QEMU's own virtiofsd, which serves root only" {
    virtiofsds
    [ -e "$qemus" ] || skip "this QEMU has none"
    without "$others" row '{"runVm": {"release": "26.11"}}' '.servers | length == 2'
    user=1000 without "$others" row '{"runVm": {"release": "26.11"}}' \
        "$note and (.warnings[0] | contains(\"serves root only\"))"
    user=1000 without "$others" refused \
        "{\"runVm\": {\"transport\": \"virtiofs\", \"virtiofsd\": \"$qemus\"}}" 'serves root only'
}
