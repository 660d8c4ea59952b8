#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The module for NixOS, evaluated by the real Nix with stand-ins for nixpkgs (tests/nix): what it gives
# run-vm, and what run-vm makes of it.
# shellcheck disable=SC2016 # Nix and jq expand what is in quotes

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    unset TMPDIR USE_TMPDIR SHARED_DIR NIX_DISK_IMAGE NIX_EFI_VARS QEMU_OPTS QEMU_NET_OPTS \
        QEMU_KERNEL_PARAMS NIX_PATH NIX_REMOTE
    export HOME=$BATS_TEST_TMPDIR NIX_CONFIG="build-users-group =" NIX_CONF_DIR=$BATS_TEST_TMPDIR
    mkdir -p system/kernel-modules/lib/modules/6.1.0 qemu/bin
    touch system/kernel system/initrd system/kernel-params
    ln -s /bin/true qemu/bin/qemu-kvm
    ln -s /bin/true qemu/bin/qemu-img
}

# evaluate MODULE [ARGUMENT]...: prints the configuration that run-vm gets.
evaluate() {
    nix-instantiate --store dummy:// --eval --json --strict "$BATS_TEST_DIRNAME/../nix" -A configuration \
        --arg configuration "$1" --argstr toplevel "$PWD/system" "${@:2}" >string || return
    jq -r . string >configuration.json
    jq . configuration.json
}

# gives MODULE EXPRESSION [ARGUMENT]...: the configuration has the property, an expression of jq.
gives() {
    evaluate "$1" "${@:3}" >/dev/null
    jq -e "$2" configuration.json >/dev/null || {
        echo "not true: $2"
        jq . configuration.json
        return 1
    }
}

# planned MODULE EXPRESSION: the same of the plan that run-vm makes of the configuration.
planned() {
    evaluate "$1" >/dev/null
    "$RUN_VM_PROGRAM" --config configuration.json --accel tcg --dry-run=json \
        -o "virtualisation.qemu.package=$PWD/qemu" >plan.json || return
    jq -e "(.argv | join(\" \")) as \$argv | $2" plan.json >/dev/null || {
        echo "not true: $2"
        jq . plan.json
        return 1
    }
}

@test "a system without options gives its packages, and nothing of nixpkgs' script" {
    gives '{ }' 'del(.virtualisation.qemu.package) == {
        system: {name: "nixos", build: {toplevel: .system.build.toplevel, regInfo: .system.build.regInfo}},
        networking: {hostName: "nixos"}, nix: {enable: true},
        nixpkgs: {hostPlatform: .nixpkgs.hostPlatform},
        runVm: {release: "26.11"}, # initrd is as it is by default
        virtualisation: {qemu: {}, vlans: [1], test: {nodeNumber: 1}}}'
    gives '{ }' '(.system.build.regInfo | test("^/nix/store/.*-closure-info$"))
        and (.virtualisation.qemu.package | test("^/nix/store/.*-qemu-kvm$"))
        and (.nixpkgs.hostPlatform | test("-linux$"))'
}

@test "only what others define is passed, with its place and its priority" {
    gives '{ lib, ... }: { virtualisation = {
            memorySize = 2048; diskSize = lib.mkDefault 8; cores = lib.mkForce 2;
            graphics = lib.mkIf false false; resolution = { x = 640; y = 480; };
            qemu.options = lib.mkMerge [ (lib.mkBefore [ "-first" ]) [ "-last" ] (lib.mkIf false [ "-no" ]) ];
            qemu.drives = lib.mkForce [ { file = "/x"; } ]; qemu.consoles = [ "tty1" ];
        }; }' '.virtualisation | del(.qemu.package) == {
            memorySize: 2048, cores: {_type: "override", priority: 50, content: 2},
            diskSize: {_type: "override", priority: 1000, content: 8}, resolution: {x: 640, y: 480},
            qemu: {consoles: ["tty1"], drives: {_type: "override", priority: 50, content: [{file: "/x"}]},
                   options: {_type: "merge", contents: [
                       {_type: "order", priority: 500, content: ["-first"]}, ["-last"]]}},
            vlans: [1], test: {nodeNumber: 1}}'
    planned '{ lib, ... }: { virtualisation.qemu.options = lib.mkMerge [
            (lib.mkBefore [ "-name first" ]) [ "-name last" ] ]; virtualisation.memorySize = 77; }' \
        '$argv | test("-name first.*virtio-keyboard.*-name last") and contains("-m 77 ")'
}

@test "only nixpkgs' own modules are left out, wherever nixpkgs is" {
    local modules
    modules=$PWD/nix/store/abc-source/nixos/modules
    mkdir -p profiles "$modules"
    cp -R "$BATS_TEST_DIRNAME/../nix/virtualisation" "$modules"
    echo '{ boot.initrd.kernelModules = [ "mine" ]; }' >profiles/qemu-guest.nix
    mkdir "$modules/profiles"
    echo '{ boot.initrd.kernelModules = [ "theirs" ]; }' >"$modules/profiles/qemu-guest.nix"
    # a path, and text as NixOS has it
    for modules in "$modules" "\"$modules\""; do
        gives "{ modulesPath, ... }: {
                imports = [ $PWD/profiles/qemu-guest.nix (modulesPath + \"/profiles/qemu-guest.nix\") ];
            }" '.boot.initrd.kernelModules == ["mine"] and (.virtualisation | has("fileSystems") | not)' \
            --arg modulesPath "$modules"
    done
}

@test "the module system still checks the definitions" {
    run evaluate '{ imports = [ { virtualisation.cores = 3; } ]; virtualisation.cores = 2; }'
    [[ $output == *"virtualisation.cores' has conflicting definition values"* ]]
    run evaluate '{ virtualisation.efiVars = "x"; }'
    [[ $output == *"efiVars has been removed"* ]]
}

@test "sets of submodules are passed as they are written, functions by their values" {
    gives '{ lib, ... }: { virtualisation.sharedDirectories = {
            plain = { source = "/a"; target = lib.mkForce "/b"; };
            some = lib.mkIf true { source = "/c"; target = "/d"; };
            function = { config, ... }: { source = "/e"; target = config.source; };
        }; }' '.virtualisation.sharedDirectories == {
            plain: {source: "/a", target: {_type: "override", priority: 50, content: "/b"}},
            some: {_type: "if", condition: true, content: {source: "/c", target: "/d"}},
            function: {source: "/e", target: "/e", writable: false}}'
    planned '{ lib, ... }: { virtualisation.sharedDirectories = {
            plain = { source = "/a"; target = lib.mkForce "/b"; };
            some = lib.mkIf true { source = "/c"; target = "/d"; };
        }; }' '$argv | contains("tag=plain") and contains("tag=some")
            and contains("tag=xchg")'
}

@test "a function below a condition or a priority is passed by its value too" {
    gives '{ lib, ... }: { virtualisation.sharedDirectories = {
            a = lib.mkIf true ({ ... }: { source = "/a"; target = "/a"; });
            b = lib.mkForce ({ ... }: { source = "/b"; target = "/b"; });
            c = lib.mkIf false ({ ... }: { source = "/c"; target = "/c"; });
        }; }' '.virtualisation.sharedDirectories | (.a.content == {source: "/a", target: "/a", writable: false})
            and (.b == {_type: "override", priority: 50, content: {source: "/b", target: "/b", writable: false}})
            and .c.condition == false'
    planned '{ lib, ... }: { virtualisation.sharedDirectories = {
            a = lib.mkIf true ({ ... }: { source = "/a"; target = "/a"; });
            c = lib.mkIf false ({ ... }: { source = "/c"; target = "/c"; });
        }; }' '$argv | contains("tag=a") and (contains("tag=c") | not)'
    run evaluate '{ virtualisation.qemu.drives = [ ({ ... }: { file = "/x"; }) ]; }'
    [[ $output == *"\`virtualisation.qemu.drives' has a function in a list"* ]]
}

@test "kernel modules are passed as a list, whether they are a list or a set" {
    gives '{ boot.initrd.kernelModules.dm-crypt = true; }' '.boot.initrd.kernelModules == ["dm-crypt"]'
    gives '{ imports = [ { boot.initrd.kernelModules = [ "a" "b" ]; } { boot.initrd.kernelModules.c = true; } ]; }' \
        '.boot.initrd.kernelModules | [.. | strings] | sort == ["a", "b", "c", "merge"]'
    gives '{ lib, ... }: { boot.initrd.availableKernelModules = lib.mkForce { a = true; b = false; }; }' \
        '.boot.initrd.availableKernelModules == {_type: "override", priority: 50, content: ["a"]}'
    planned '{ boot.initrd.kernelModules = { dm-crypt = true; ahci = false; }; }' \
        '.initrd.modules | tostring | contains("dm-crypt") and (contains("ahci") | not)'
}

@test "a kernel module that one definition turns off is not passed" {
    gives '{ lib, ... }: {
            imports = [ { boot.initrd.availableKernelModules = [ "foo" "bar" ]; } ];
            boot.initrd.availableKernelModules.foo = lib.mkForce false;
        }' '.boot.initrd.availableKernelModules | [.. | strings] == ["merge", "bar"]'
}

@test "the filesystems are run-vm's, or with none of them the system's own" {
    local own='fileSystems."/" = { device = "/dev/sda9"; fsType = "ext4"; };'
    gives "{ $own }" '(has("fileSystems") or (.virtualisation | has("fileSystems"))) | not'
    planned "{ lib, ... }: { $own virtualisation.fileSystems = lib.mkForce { }; }" \
        '.kernelParams | index("root=/dev/sda9")'
    planned '{ virtualisation.fileSystems."/x" = { fsType = "tmpfs"; neededForBoot = true; }; }' \
        '.fileSystems | has("/x") and has("/") and has("/tmp/xchg")'
}

@test "a boot loader does without an image of the system, so that the guest needs the host's store" {
    gives '{ virtualisation.useBootLoader = true; }' '.virtualisation | .useBootLoader and
        .mountHostNixStore == {_type: "override", priority: 1000, content: true}'
    gives '{ virtualisation = { useBootLoader = true; mountHostNixStore = false; }; }' \
        '.virtualisation.mountHostNixStore == false'
}

@test "values that packages and the test framework give are passed as they are" {
    gives '{ virtualisation = { useEFIBoot = true; tpm = { enable = true; provisioning = "exit 3"; }; }; }' \
        '(.virtualisation.efi == {firmware: "/OVMF/code.fd", variables: "/OVMF/vars.fd", OVMF: {
            firmware: "/OVMF/code.fd", variables: "/OVMF/vars.fd", systemManagementModeRequired: true}})
         and (.virtualisation.tpm | .enable and (.package | test("-swtpm$"))
            and (.provisioning | test("-tpm-provisioning$")))'
    gives '{ pkgs, ... }: { virtualisation.useNixStoreImage = true; virtualisation.bios = pkgs.OVMF; }' \
        '(.system.build.storeClosure | test("-closure-info$")) and (.virtualisation.bios | test("-OVMF$"))'
    gives '{ virtualisation.runVm.storeTransport = "auto"; }' \
        '(.system.build.storeClosure | test("-closure-info$")) and (.virtualisation | has("mountHostNixStore") | not)'
    gives '{ }' '.system.build | has("storeClosure") | not'
}

@test "firmware set by hand needs no package with it" {
    gives '{ pkgs, ... }: { virtualisation = {
            useEFIBoot = true; efi = { OVMF = pkgs.swtpm; firmware = "/a.fd"; variables = "/b.fd"; };
        }; }' '.virtualisation.efi == {firmware: "/a.fd", variables: "/b.fd",
            OVMF: {firmware: "/a.fd", variables: "/b.fd"}}'
}

@test "a nixpkgs without vlans is not asked for them" {
    mkdir nixpkgs
    cp -R "$BATS_TEST_DIRNAME/../nix/virtualisation" nixpkgs
    sed -i '/^    vlans = /d' nixpkgs/virtualisation/qemu-vm.nix
    gives '{ }' '.virtualisation | has("vlans") | not' --arg modulesPath "$PWD/nixpkgs"
}

@test "a variant of the system has run-vm too, which its own system lets alone" {
    gives '{ virtualisation.vmVariant.virtualisation.memorySize = 333; boot.tmp.useTmpfs = true; }' \
        '.virtualisation.memorySize == 333 and .boot.tmp.useTmpfs' --arg variant true
}

@test "the release is the newest that run-vm knows and that nixpkgs has reached" {
    local pair
    for pair in 22.05=22.11 22.11=22.11 24.05=24.05 26.05=26.05 26.11=26.11 31.05=26.11; do
        gives '{ }' ".runVm.release == \"${pair#*=}\"" --argstr release "${pair%=*}"
    done
    gives '{ virtualisation.runVm.release = "23.05"; }' '.runVm.release == "23.05"'
    # with msize its shares are those of 26.05; where it is removed, reading it is an error
    local msize='{ lib, ... }: { options.virtualisation.msize = lib.mkOption'
    gives "$msize { type = lib.types.raw; default = 16384; }; }" '.runVm.release == "26.05"'
    gives "$msize { type = lib.types.raw; visible = false; apply = _: throw \"removed\"; }; }" \
        '.runVm.release == "26.11"'
    # the list of the module is that of run-vm
    run -65 "$RUN_VM_PROGRAM" --dry-run -o runVm.release=1
    sed -n 's/.*expected one of \(".*"\).*/\1/p' <<<"$output" | tr -d , >known
    sed -n 's/^  releases = \[ \(.*\) \];/\1/p' "$BATS_TEST_DIRNAME/../../nix/module.nix" | diff known -
}

@test "any other option of run-vm itself is passed as it is" {
    gives '{ virtualisation.runVm = {
            transport = "9p"; initrd = "system"; shares.a.transport = "virtiofs"; }; }' \
        '.runVm == {release: "26.11", initrd: "system", transport: "9p",
            shares: {a: {transport: "virtiofs"}}}'
}

@test "every option of virtualisation that run-vm knows is passed" {
    # those that only nixpkgs' own module defines, and those that are passed by their values
    printf '%s\n' allInterfaces diskSizeAutoSupported efi.OVMF efi.firmware efi.variables host.pkgs \
        pathsInNixDB qemu.package test.nodeName test.nodeNumber tpm.package tpm.provisioning vlans >passed
    sed -n 's/^      "\(.*\)"$/\1/p' "$BATS_TEST_DIRNAME/../../nix/module.nix" >>passed
    sed -n 's/^    {V "\([^"]*\)".*/\1/p' "$BATS_TEST_DIRNAME/../../host/config/schema.c" >known
    [ "$(wc -l <known)" -gt 40 ]
    run comm -23 <(sort known) <(sort passed)
    [ -z "$output" ]
}
