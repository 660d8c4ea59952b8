#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The command line before anything is started: usage, messages, exit statuses, the dry run.

bats_require_minimum_version 1.5.0

setup() {
    mkdir "$BATS_TEST_TMPDIR/caller"
    cd "$BATS_TEST_TMPDIR/caller" || return
    export HOME=$BATS_TEST_TMPDIR XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
    unset TMPDIR USE_TMPDIR SHARED_DIR NIX_DISK_IMAGE NIX_EFI_VARS QEMU_OPTS QEMU_NET_OPTS \
        QEMU_KERNEL_PARAMS
    mkdir -p system/kernel-modules/lib/modules/6.1.0 qemu/bin
    touch system/kernel system/initrd
    printf 'loglevel=4\n' >system/kernel-params
    printf '#!/bin/sh\nexit 0\n' >qemu/bin/qemu-kvm
    # shellcheck disable=SC2016 # the script's own $4
    printf '#!/bin/sh\ntouch "%s"\n' '$4' >qemu/bin/qemu-img
    chmod +x qemu/bin/*
    config='{"system": {"build": {"toplevel": "'$PWD'/system", "regInfo": "/closure"}},
             "nixpkgs": {"hostPlatform": "x86_64-linux"},
             "virtualisation": {"qemu": {"package": "'$PWD'/qemu"}}}'
    echo "$config" >config.json
    listing=$(find . | sort)
}

run_vm() {
    "$RUN_VM_PROGRAM" "$@"
}

# Fails if any file was made or changed that the test does not name.
nothing_made() {
    [ "$(find . | sort)" = "$listing" ]
}

@test "--help names every option and starts nothing" {
    run -0 --separate-stderr run_vm --help
    [[ $output == "usage: run-vm "* ]]
    for option in config option memory cores dry-run accel on-term keep-tmp kernel modules-dir init append root-dir \
        guest-init help version; do
        [[ $output == *"--$option"* ]]
    done
    [ -z "$stderr" ]
    nothing_made
    # the notes of another command are in its own help
    [[ $output == *"Manual: run-vm(1)"* && $output != *"NAME can be left out"* ]]
    run -0 run_vm exec --help
    [[ $output == *"NAME can be left out"* ]]
}

@test "no --help is wider than a terminal of 80 columns" {
    local command
    run_vm --help | sed -n '/^Other commands/,/^$/s/^  \([a-z].*\)/\1/p' >commands
    grep -qx 'cache prune' commands
    for command in '' run cache $(sed 's/ /_/g' commands); do
        # shellcheck disable=SC2086 # several words
        run -0 run_vm ${command//_/ } --help
        [[ $output == "usage: run-vm"* ]]
        [ -z "$(awk "length > 80" <<<"$output")" ] || {
            awk "length > 80" <<<"$output"
            return 1
        }
    done
}

@test "--version is one line" {
    run -0 run_vm --version
    [[ $output =~ ^run-vm\ [0-9]+\.[0-9]+ ]]
}

@test "wrong usage ends with 64 and says what is wrong" {
    run -64 run_vm
    [[ $output == *"--config"* ]]
    run -64 run_vm --confg config.json
    [[ $output == "run-vm: --confg: no such option"* ]]
    run -64 run_vm --config config.json -z 5
    [[ $output == *"-z: no such option (QEMU's come after --)"* ]]
    run -64 run_vm --config config.json --accel hvf
    [[ $output == *"expected one of auto, kvm, tcg"* ]]
    nothing_made
}

@test "a configuration that cannot be read ends with 74" {
    run -74 run_vm --config none.json
    [[ $output == "run-vm: none.json: "*"No such file"* ]]
}

@test "a configuration that is no JSON ends with 65 and its line and column" {
    printf '{\n "virtualisation": {,}\n}' >bad.json
    run -65 run_vm --config bad.json
    [[ $output == "run-vm: bad.json:2:"* ]]
}

@test "every problem of a configuration is reported, and nothing is made" {
    cat >bad.json <<'END'
{"virtualisation": {"memorySize": 0, "graphic": true, "diskImage": "no/such/dir/x",
  "forwardPorts": [{"host": {"port": 1}}], "qemu": {"options": "-vga std"}}}
END
    listing=$(find . | sort)
    run -65 run_vm --config bad.json
    [[ $output == *"bad.json: virtualisation.memorySize: is 0, expected positive integer"* ]]
    [[ $output == *"bad.json: virtualisation.graphic: is not an option, expected perhaps virtualisation.graphics"* ]]
    [[ $output == *"bad.json: virtualisation.forwardPorts.<entry 1>.guest.port: is not set"* ]]
    [[ $output == *"bad.json: virtualisation.qemu.options: is \"-vga std\", expected list of strings"* ]]
    nothing_made
}

@test "the environment's mistakes are reported beside the configuration's" {
    TMPDIR=/no/such NIX_DISK_IMAGE=no/such/x run -65 run_vm --config config.json \
        -o virtualisation.useEFIBoot=true -o virtualisation.efiVars=none/x
    [[ $output == *"environment: TMPDIR: "* ]]
    [[ $output == *"environment: NIX_DISK_IMAGE: "* ]]
    [[ $output == *"virtualisation.efiVars: "* ]]
    nothing_made
}

@test "an unknown -o is refused, with what was perhaps meant" {
    run -65 run_vm --config config.json -o virtualisation.core=2
    [[ $output == *"virtualisation.core: is not an option, expected perhaps virtualisation.cores"* ]]
}

@test "a missing QEMU ends with 69 and the package that has it" {
    mkdir bin
    sed -i 's/"virtualisation".*/"virtualisation": {}}/' config.json
    PATH=$PWD/bin run -69 run_vm --config config.json
    [[ $output == *qemu-system-x86_64* ]]
    [[ $output == *"qemu-system-x86"* ]]
}

@test "a chart is drawn anew, but in place of nothing else" {
    echo '{"bootChart": 1, "name": "a", "total": 5, "bars": []}' >a.json
    run -0 run_vm chart a.json
    run -0 run_vm chart a.json
    [ -z "$output" ]
    echo '<svg/>' >a.svg
    run -74 run_vm chart a.json
    [[ $output == "run-vm: a.svg: exists, and is no boot chart"* ]]
    run -64 run_vm --config config.json --boot-chart a.svg
    [[ $output == "run-vm: --boot-chart: a.svg: exists, and is no boot chart"* ]]
    [ "$(cat a.svg)" = '<svg/>' ]
    run -74 run_vm chart a.json a.svg/b.svg
    [[ $output == "run-vm: a.svg/b.svg: Not a directory" ]]
    run -0 run_vm chart a.json b.svg
}

@test "--dry-run prints one option a line, for a shell to read back" {
    run -0 --separate-stderr run_vm --config config.json --dry-run --accel tcg \
        -o virtualisation.sharedDirectories.x.target=/x \
        -o 'virtualisation.sharedDirectories.x.source="/it'"'"'s a"' -- -device 'x y'
    [[ ${lines[0]} == "$PWD/qemu/bin/qemu-kvm \\" ]]
    [[ $output == *"-virtfs 'local,path=/it'\\''s a,security_model=none,mount_tag=x,multidevs=remap' \\"* ]]
    [[ ${lines[-1]} == "  -device 'x y'" ]]
    eval "set -- $output"
    [[ " $* " == *" -m 1024 "* ]]
    nothing_made
}

@test "--dry-run=json is the whole plan" {
    run -0 --separate-stderr run_vm --config config.json --dry-run=json
    [ "$(jq -r '.argv | type' <<<"$output")" = array ]
    [ "$(jq -r .cwd <<<"$output")" = /tmp/nix-vm.XXXXXXXXXX ]
    [ "$(jq -r '.environment.TMPDIR' <<<"$output")" = /tmp/nix-vm.XXXXXXXXXX ]
    [ "$(jq -r '.fileSystems["/"].device' <<<"$output")" = /dev/vda ]
    [ "$(jq -r '.files[0].kind' <<<"$output")" = disk-image ]
    [ "$(jq -r '.files[0].path' <<<"$output")" = "$(pwd -P)/nixos.qcow2" ]
    [ "$(jq -r '.kernelParams[0]' <<<"$output")" = loglevel=4 ]
    [ "$(jq -r '.warnings | length' <<<"$output")" = 0 ]
    nothing_made
}

@test "--dry-run=json has the machine that the arguments describe" {
    run -0 --separate-stderr run_vm --config config.json --dry-run=json \
        -o 'virtualisation.emptyDiskImages=[1, 2]' -- -device foo
    jq -e 'def count($option): [.argv[] | select(. == $option)] | length;
           (.machine.drives | length) == count("-drive") and
           (.machine.shares | length) == count("-virtfs") and
           (.machine.cards | length) == count("-net") and
           (.machine.networks | length) == count("-netdev")' <<<"$output"
    jq -e '.argv as $argv | .machine.drives | length == 3 and
           all(.file as $file | $argv | any(contains("file=" + $file + ",")))' <<<"$output"
    jq -e '.argv as $argv | .machine.shares | length > 0 and
           all(.path as $path | $argv | any(contains("path=" + $path + ",")))' <<<"$output"
    jq -e '.machine.cards[0].network == .machine.networks[0].id' <<<"$output"
    jq -e '.machine.arguments == [["-device", "foo"]] and .machine.program == .argv[0]' <<<"$output"
    nothing_made
}

@test "bytes that are not UTF-8 reach QEMU, and do not break the JSON" {
    SHARED_DIR=$'/caf\xe9' run -0 --separate-stderr run_vm --config config.json --dry-run=json
    jq -e '.argv | map(select(test("/caf\ufffd,"))) | length == 1' <<<"$output"
    SHARED_DIR=$'/caf\xe9' run_vm --config config.json --dry-run | LC_ALL=C grep -aq $'/caf\xe9,'
}

@test "a setting whose name is not UTF-8 is refused, not dropped" {
    run -65 --separate-stderr run_vm --config config.json --dry-run \
        -o $'virtualisation.sharedDirectories.caf\xe9.source=/x'
    [[ $stderr == *"caf"*"is not UTF-8"* ]]
}

@test "root is warned of a share that its guest may write to, even beside the temporary directory" {
    [ "$(id -u)" = 0 ] || skip "only root is warned"
    mkdir tmp
    for source in tmp/xchg tmpx; do
        TMPDIR=$PWD/tmp USE_TMPDIR=1 SHARED_DIR=$PWD/$source \
            run -0 --separate-stderr run_vm --config config.json --dry-run
        [ "$(grep -c 'runs as root.*(share shared)' <<<"$stderr")" = "$([ "$source" = tmpx ] && echo 1 || echo 0)" ]
    done
}

@test "root is not warned of a share whose owners and modes QEMU only notes beside the files" {
    [ "$(id -u)" = 0 ] || skip "only root is warned"
    local release expected
    for release in 22.11:1 24.05:0 26.11:1; do
        expected=${release#*:} release=${release%:*}
        run -0 --separate-stderr run_vm --config config.json --dry-run -o runVm.release="$release" \
            -o runVm.virtiofsd="$(type -P true)" -o virtualisation.sharedDirectories.own.target=/own \
            -o virtualisation.sharedDirectories.own.writable=true -o virtualisation.sharedDirectories.own.source=/x
        [ "$(grep -c 'runs as root.*(share own)' <<<"$stderr")" = "$expected" ]
    done
    # virtiofs has no models
    run -0 --separate-stderr run_vm --config config.json --dry-run -o runVm.transport=virtiofs \
        -o runVm.virtiofsd="$(type -P true)" -o virtualisation.sharedDirectories.own.target=/own \
        -o virtualisation.sharedDirectories.own.securityModel=mapped-xattr \
        -o virtualisation.sharedDirectories.own.source=/x
    [ "$(grep -c 'runs as root.*(share own)' <<<"$stderr")" = 1 ]
}

@test "a guest with too little memory to speak is spoken for" {
    for size in 20 96; do
        run -0 --separate-stderr run_vm --config config.json --dry-run -o virtualisation.memorySize=$size
        [ "$(grep -c 'memorySize is 20 MiB' <<<"$stderr")" = "$([ "$size" = 20 ] && echo 1 || echo 0)" ]
    done
}

@test "settings and several configurations are merged" {
    echo '{"virtualisation": {"cores": 3, "qemu": {"options": ["-two"]}}}' >more.json
    run -0 --separate-stderr run_vm --config config.json --config more.json -n \
        -o virtualisation.memorySize=2048 -o 'virtualisation.qemu.options=["-three"]'
    [[ $output == *"-smp 3 "* && $output == *"-m 2048 "* && $output == *"-two "*"-three"* ]]
}

@test "a configuration may come from standard input" {
    run -0 --separate-stderr run_vm --config - --dry-run <config.json
    [[ $output == *"-name nixos "* ]]
}

@test "called as run-NAME-vm, every argument is QEMU's" {
    ln -s "$RUN_VM_PROGRAM" run-box-vm
    jq '.runVm.initrd = "system"' config.json >run-box-vm.json
    printf '#!/bin/sh\nprintf "%%s\\n" "$@" >"%s/arguments"\nexit 7\n' "$PWD" >qemu/bin/qemu-kvm
    run -7 ./run-box-vm --help --dry-run 'a b'
    [ "$(tail -n 3 arguments)" = $'--help\n--dry-run\na b' ]
    PATH=$PWD:$PATH run -7 run-box-vm -x
    [ "$(tail -n 1 arguments)" = -x ]
}

@test "run-NAME-vm finds its configuration beside any link, on PATH too, or says where it looked" {
    mkdir -p store/bin elsewhere/bin
    ln -s "$RUN_VM_PROGRAM" store/bin/run-box-vm
    ln -s store result
    ln -s result/bin/run-box-vm run-box-vm
    ln -s ../../run-box-vm elsewhere/bin/run-other-vm
    run -74 ./run-box-vm
    [[ $output == *" ./run-box-vm.json, ./result/bin/run-box-vm.json; put one "* ]]
    printf '#!/bin/sh\nexit 7\n' >qemu/bin/qemu-kvm
    jq '.runVm.initrd = "system"' config.json >store/bin/run-box-vm.json
    run -7 ./run-box-vm
    mkdir -p decoy/run-other-vm
    PATH=$PWD/decoy:$PWD/elsewhere/bin:$PATH run -7 run-other-vm
}

# shellcheck disable=SC2016 # the wrapper's own $0 and $1
@test "run-NAME-vm is found through a wrapper and through a link of another name" {
    mkdir -p store/bin lib
    ln -s "$RUN_VM_PROGRAM" lib/run-box-vm
    jq '.runVm.initrd = "system"' config.json >lib/run-box-vm.json
    printf '#!/bin/sh\nprintf "%%s\n" "$@" >"%s/arguments"\nexit 7\n' "$PWD" >qemu/bin/qemu-kvm
    local name
    for name in '$0' run-box-vm run-other-vm .wrapped; do
        rm -f arguments
        printf '#!/bin/bash\nexec -a "%s" "%s/lib/run-box-vm" "$@"\n' "$name" "$PWD" >store/bin/run-box-vm
        chmod +x store/bin/run-box-vm
        ln -sf store/bin/run-box-vm start
        run -7 ./start --help
        [ "$(tail -n 1 arguments)" = --help ]
        PATH=$PWD/store/bin:$PATH run -7 run-box-vm --help
    done
    # a configuration beside the wrapper comes first
    printf '#!/bin/bash\nexec -a "$0" "%s/lib/run-box-vm" "$@"\n' "$PWD" >store/bin/run-box-vm
    echo '{' >store/bin/run-box-vm.json
    run -65 ./start
    [[ $output == *" ./store/bin/run-box-vm.json:"* ]]
    # run-vm, called by its own name, has its own options
    run -0 bash -c 'exec -a run-vm "$1" --help' - "$PWD/lib/run-box-vm"
    [[ $output == "usage: run-vm "* ]]
}

@test "QEMU's status is ours, and the temporary directory is gone" {
    mkdir tmp
    printf '#!/bin/sh\npwd >"%s/where"\nexit 3\n' "$PWD" >qemu/bin/qemu-kvm
    TMPDIR=$PWD/tmp run -3 run_vm --config config.json -o runVm.initrd=system
    [[ $(cat where) == "$(pwd -P)"/tmp/nix-vm.* ]]
    [ -z "$(ls tmp)" ]
    TMPDIR=$PWD/tmp run -3 run_vm --config config.json -o runVm.initrd=system --keep-tmp
    [ -d "$(cat where)/xchg" ]
    [[ $output == *"$(cat where)"* ]]
}

@test "the accelerator is said in one line when it is not KVM" {
    run -0 --separate-stderr run_vm --config config.json -o runVm.initrd=system --accel tcg
    [ -z "$stderr" ]
    if ! [ -w /dev/kvm ] || ! grep -qwE 'vmx|svm' /proc/cpuinfo; then
        run -0 --separate-stderr run_vm --config config.json -o runVm.initrd=system
        [ "$(wc -l <<<"$stderr")" = 1 ]
        [[ $stderr == "run-vm: accelerator TCG, which is slow: "* ]]
    fi
}

@test "a Linux tree needs no Nix system" {
    run -0 --separate-stderr run_vm --kernel system/kernel --modules-dir system/kernel-modules \
        --root-dir system --init /bin/sh --append "quiet a=b" --dry-run \
        -o virtualisation.qemu.package="$PWD/qemu" -o virtualisation.diskImage=null \
        -o nixpkgs.hostPlatform=x86_64-linux -o runVm.kernel=bzImage
    [[ $output == *"-kernel $PWD/system/kernel "* ]]
    [[ $output == *"mount_tag=run-vm-root,readonly=on,multidevs=remap "* ]]
    [[ $output == *"init=/bin/sh root=run-vm-root rootfstype=9p "*"vm.root.overlay=tmpfs"*"quiet a=b'"* ]]
    [[ $output != *nix-store* ]]
}

@test "an emulated timer is not checked by the kernel, which panics where the host is busy" {
    for accel in tcg kvm; do
        run -0 --separate-stderr run_vm --config config.json --accel "$accel" --dry-run
        [ "$(grep -cw no_timer_check <<<"$output")" = "$([ "$accel" = tcg ] && echo 1 || echo 0)" ]
    done
}

@test "the kernel is told not to test its cryptography, but where the user wants it to" {
    told() { # ARGUMENT...: the words about it, in their order
        run -0 --separate-stderr run_vm --config config.json --dry-run=json "$@"
        jq -r '[.kernelParams[] | select(startswith("cryptomgr."))] | join(" ")' <<<"$output"
    }
    [ "$(told)" = cryptomgr.notests=1 ]
    [ "$(told --accel kvm)" = cryptomgr.notests=1 ]
    [ "$(told --append fips=0)" = cryptomgr.notests=1 ]
    [ -z "$(told -o runVm.kernelSelfTests=true)" ]
    [ -z "$(told --append fips=1)" ]
    [ -z "$(told -o runVm.initrd=system)" ]
    [ "$(told --append cryptomgr.notests=0)" = cryptomgr.notests=0 ]
}
