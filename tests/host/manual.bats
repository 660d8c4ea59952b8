#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The manual pages: every option and parameter has its row.

bats_require_minimum_version 1.5.0

setup_file() {
    make -C "$BATS_TEST_DIRNAME/../.." --no-print-directory man >/dev/null
}

# page NAME: prints the text of the page.
page() {
    MANWIDTH=200 LC_ALL=C.UTF-8 man -l "$RUN_VM_BUILD/man/$1" | sed 's/‐/-/g'
}

# rows NAME: prints the names of the page's rows, which man indents by seven blanks.
rows() {
    page "$1" | sed -n 's/^       \([^ ].*\)/\1/p'
}

@test "every option of the specification is in run-vm.json(5), with its type" {
    rows run-vm.json.5 >"$BATS_TEST_TMPDIR/rows"
    v=virtualisation
    for option in $v.{memorySize,msize,diskSize,diskImage,bootDevice,persistBootDevice} \
        $v.{emptyDiskImages,graphics,resolution,resolution.x,cores,sharedDirectories} \
        $v.sharedDirectories.'<name>'.{source,target} $v.{additionalPaths,pathsInNixDB} \
        $v.{forwardPorts,restrictNetwork,vlans,writableStore,writableStoreUseTmpfs} \
        $v.forwardPorts.'<entry>'.{from,proto,host.address,host.port,guest.address,guest.port} \
        $v.fileSystems $v.fileSystems.'<name>'.{device,fsType,options,autoFormat} \
        $v.qemu.{package,options,consoles,networkingOptions,drives,diskInterface} \
        $v.qemu.{guestAgent.enable,virtioKeyboard} \
        $v.qemu.drives.'<entry>'.{file,name,driveExtraOpts,deviceExtraOpts} \
        $v.{useNixStoreImage,useBootLoader,useEFIBoot,efi.firmware,efi.variables,efiVars} \
        $v.{useDefaultFilesystems,bios} networking.{primaryIPAddress,hostName} system.name \
        nixpkgs.hostPlatform boot.{tmpOnTmpfs,tmpOnTmpfsSize,tmp.useTmpfs,tmp.tmpfsSize,kernelParams} nix.enable \
        boot.initrd.{kernelModules,availableKernelModules} runVm.{initrd,store} \
        system.build.{toplevel,regInfo,storeClosure,storeImage,bootDisk}; do
        grep -qxF -A 1 "$option" "$BATS_TEST_TMPDIR/rows" || {
            echo "no row for $option"
            return 1
        }
    done
    grep -qxF 'positive integer, from 1 to 4294967296 (MiB), or a size such as "2G"; default 1024' "$BATS_TEST_TMPDIR/rows"
}

@test "every option of every command is in run-vm(1)" {
    local command option
    page run-vm.1 >"$BATS_TEST_TMPDIR/page"
    "$RUN_VM_PROGRAM" --help | sed -n '/^Other commands/,/^$/s/^  \([a-z].*\)/\1/p' >"$BATS_TEST_TMPDIR/commands"
    grep -qx stop "$BATS_TEST_TMPDIR/commands"
    for command in run $(sed 's/ /_/g' "$BATS_TEST_TMPDIR/commands"); do
        # shellcheck disable=SC2086 # several words
        "$RUN_VM_PROGRAM" ${command//_/ } --help >"$BATS_TEST_TMPDIR/help"
        while read -r option; do
            grep -qE -- "$option([^a-z-]|\$)" "$BATS_TEST_TMPDIR/page" || {
                echo "$command: no row for $option"
                return 1
            }
        done < <(grep -o '^  [-a-zA-Z, ]*--[a-z-]*' "$BATS_TEST_TMPDIR/help" | grep -o -- '--[a-z-]*')
        grep -qE -- "^ +run-vm (\[run\]|${command//_/ }|${command%_list} \[list\])" "$BATS_TEST_TMPDIR/page" || {
            echo "no synopsis of $command"
            return 1
        }
    done
}

@test "every parameter of the contract is in run-vm-init(8)" {
    page run-vm-init.8 >"$BATS_TEST_TMPDIR/page"
    for parameter in init= root= rootfstype= rootflags= ro rw console= regInfo= boot.trace \
        debugtrace boot.shell_on_fail boot.debug1 debug1 boot.debug1devices boot.debug1mounts \
        boot.panic_on_fail stage1panic vm.mount=WHAT:WHERE vm.share=TAG:WHERE vm.submount= vm.msize= vm.store= \
        vm.store.overlay=tmpfs vm.root.overlay=tmpfs vm.modules= vm.ifname=NAME:ADDRESS vm.blank= vm.device-timeout= \
        'vm.onfail=prompt|poweroff|reboot|panic'; do
        grep -qE -- "^       (.*, )?${parameter//|/\\|}" "$BATS_TEST_TMPDIR/page" || {
            echo "no row for $parameter"
            return 1
        }
    done
}

@test "README.md has the table of parameters as the code has it" {
    "$RUN_VM_TOOLS/manual" <(echo @PARAMETER-TABLE@) >"$BATS_TEST_TMPDIR/table"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/table")" -gt 20 ]
    sed -n '/^| parameter |/,/^$/p' "$BATS_TEST_DIRNAME/../../README.md" | sed '$d' |
        diff "$BATS_TEST_TMPDIR/table" -
}

@test "the pages are well formed" {
    for page in run-vm.1 run-vm.json.5 run-vm-init.8; do
        run -0 --separate-stderr man --warnings -l "$RUN_VM_BUILD/man/$page"
        [ -z "$stderr" ]
    done
}
