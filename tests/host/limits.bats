#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Configurations of any size and shape: a message within a second and 256 MiB, and no signal.
# shellcheck disable=SC2016 # run-vm expands it

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    mkdir -p qemu/bin
    ln -s /bin/true qemu/bin/qemu-kvm
    ln -s /bin/true qemu/bin/qemu-img
    unset TMPDIR USE_TMPDIR SHARED_DIR NIX_DISK_IMAGE NIX_EFI_VARS QEMU_OPTS QEMU_NET_OPTS \
        QEMU_KERNEL_PARAMS
}

# run_vm ARGUMENT...: a dry run with an empty kernel and no modules.
run_vm() {
    "$RUN_VM_PROGRAM" --accel tcg --kernel /dev/null --modules-dir / --init /init \
        -o virtualisation.qemu.package="$PWD/qemu" -o runVm.kernel=bzImage --dry-run=json "$@"
}

# refused ARGUMENT...: run-vm exits with 65 and a short message in $output, within the limits. The limit
# is on CPU time. Load on the processor's other thread, or another machine on this host, can double that:
# one of three attempts must keep to the limit, which no algorithm that is too slow does.
refused() {
    local attempt
    for attempt in 1 2 3; do
        run --separate-stderr prlimit --as=$((256 << 20)) --cpu=1 \
            "$RUN_VM_PROGRAM" --accel tcg --kernel /dev/null --modules-dir / --init /init \
            -o virtualisation.qemu.package="$PWD/qemu" --dry-run "$@"
        [ "$status" -ge 128 ] || break
        echo "attempt $attempt: status $status"
    done
    [ "$status" = 65 ]
    [ -z "$output" ]
    # shellcheck disable=SC2154 # run --separate-stderr sets it
    output=$stderr
    [ "${#output}" -lt 10000 ]
    [ ! -e nixos.qcow2 ]
}

@test "every number has a range, which its error names" {
    local overflow=17592186044417
    while read -r option value range; do
        refused -o "virtualisation.$option=$value"
        [[ $output == *"virtualisation.$option"*": is $value, expected "*"$range"* ]]
    done <<END
memorySize $overflow from 1 to 4294967296 (MiB)
memorySize 0 from 1 to 4294967296 (MiB)
diskSize $overflow from 1 to 2147483648 (MiB)
diskSize -1 from 1 to 2147483648 (MiB)
cores 100000 from 1 to 8192
msize 4095 from 4096 to 2147483647 (bytes)
msize 4294967297 from 4096 to 2147483647 (bytes)
resolution.x 65536 from 1 to 65535
resolution.y 0 from 1 to 65535
test.nodeNumber 256 from 1 to 255
END
    refused -o "virtualisation.emptyDiskImages=[8,$overflow]"
    [[ $output == *"emptyDiskImages.<entry 2>: is $overflow, expected positive integer, from 1 to 2147483648 (MiB)"* ]]
    refused -o "virtualisation.vlans=[256]"
    [[ $output == *"vlans.<entry 1>: is 256, expected unsigned integer, from 0 to 255"* ]]
    refused -o 'virtualisation.forwardPorts=[{"host": {"port": 65536}, "guest": {"port": -1}}]'
    [[ $output == *"host.port: is 65536, expected "*"from 0 to 65535"* ]]
    refused -o virtualisation.diskSize=99999999999999999999
    [[ $output == *"virtualisation.diskSize: is "*", expected null, "*"from 1 to 2147483648 (MiB)"* ]]
    for size in -1 much 5x 99999999999999999999; do
        refused -o "boot.tmpOnTmpfsSize=$size"
        [[ $output == *"boot.tmp.tmpfsSize: is "*", expected string such as \"50%\" or \"2G\", or positive integer, from 1 to"* ]]
    done
}

@test "sizes that tmpfs reads are taken" {
    for size in 50% 2G 1048576 512m '25%,nr_inodes=1k'; do
        run -0 --separate-stderr run_vm -o boot.tmpOnTmpfs=true -o "boot.tmpOnTmpfsSize=$size"
        [ "$(jq -r '.fileSystems["/tmp"].options[-1]' <<<"$output")" = "size=$size" ]
    done
    for size in 1.5G 1536MiB; do
        run -0 --separate-stderr run_vm -o boot.tmpOnTmpfs=true -o "boot.tmpOnTmpfsSize=$size"
        [ "$(jq -r '.fileSystems["/tmp"].options[-1]' <<<"$output")" = size=1610612736 ]
    done
}

# nested COUNT OPEN END: prints OPEN COUNT times, then END as often.
nested() {
    python3 -c 'import sys; n, a, b = sys.argv[1:]; print(a * int(n) + b * int(n))' "$@"
}

# entry FILE: prints a configuration with the file's text in qemu.options.
entry() {
    jq -R '{virtualisation: {qemu: {options: [.]}}}' "$1"
}

@test "expansion is as deep as anybody needs" {
    nested 60 '${A:-' '}' >text
    entry text >deep.json
    run -0 run_vm --config deep.json
    for part in '${A:-' '${HOME:+' '"${A:-' '${A:?' '${A-"${A-'; do
        nested 40000 "$part" '}' >text
        entry text >deep.json
        refused --config deep.json
        [[ $output == *"deep.json: virtualisation.qemu.options"*"is nested more than 64 deep"* ]]
    done
    nested 40000 '${A:-' '}' | jq -R '{virtualisation: {diskImage: .,
        sharedDirectories: {x: {source: ., target: "/x"}}, qemu: {drives: [{file: .}]}}}' >deep.json
    refused --config deep.json
    [[ $output == *diskImage*"more than 64 deep"* ]]
    [[ $output == *sharedDirectories*"more than 64 deep"* ]]
    [[ $output == *drives*"more than 64 deep"* ]]
}

@test "what a text expands to is no longer than an argument may be" {
    nested 50000 '$PATH' '' >text
    entry text >long.json
    refused --config long.json
    [[ $output == *"virtualisation.qemu.options"*"expands to more than 131071 bytes"* ]]
}

@test "JSON is as deep as anybody needs, and so are the names of -o" {
    nested 100000 '[' ']' >deep.json
    refused --config deep.json
    [[ $output == *"deep.json:1:"*"depth"* ]]
    for part in '{"_type":"override","priority":50,"content":' '{"_type":"merge","contents":[' \
        '{"_type":"if","condition":true,"content":'; do
        [[ $part == *'[' ]] && end=']}' || end='}'
        echo "{\"virtualisation\":{\"cores\": $(nested 900 "$part" "$end")}}" | sed "s/:}/:2}/" >deep.json
        run run_vm --config deep.json
        [[ $status == 0 || ($status == 65 && $output == *"has an override inside another override"*) ]]
    done
    printf '{"virtualisation": {"fileSystems": {"/x": {"device": "y", "formatOptions": %s}}}}' \
        "$(nested 900 '[' ']')" >deep.json
    run -0 run_vm --config deep.json
    refused -o "virtualisation.host.pkgs.$(nested 60000 a. '')=1"
    [[ $output == *"command line: virtualisation.host.pkgs.a."*"more than 64 parts"* ]]
    refused -o "virtualisation.cores=$(nested 10000 '{"a":' '1}')"
}

@test "no message quotes what is huge in full" {
    long=$(head -c 120000 /dev/zero | tr '\0' x)
    for setting in "virtualisation.$long=1" "$long" "virtualisation.cores=$long" \
        "virtualisation.sharedDirectories.$long=1" "virtualisation.qemu.drives.$long=1" \
        "virtualisation.diskImage=$long/x" "virtualisation.vlans=$long" \
        "virtualisation.qemu.options=\${A:?$long}" "virtualisation.qemu.options=[\"-m\", \"\${$long%}\"]"; do
        refused -o "$setting" -o virtualisation.useEFIBoot=true
    done
    long=$(head -c 3000000 /dev/zero | tr '\0' x)
    for text in '{"virtualisation": {"%s": 1}}' '{"virtualisation": {"cores": "%s"}}' \
        '{"virtualisation": {"sharedDirectories": {"%s": {"source": "/x"}}}}' \
        '{"virtualisation": {"qemu": {"options": ["${%s%%"]}}}' '{"%s": 1, %s}' '"%s' '%s'; do
        # shellcheck disable=SC2059 # the texts are formats
        printf "$text" "$long" >huge.json
        refused --config huge.json
        [[ $output == *huge.json* ]]
    done
}

@test "what is far too large for a configuration is not read to its end" {
    { printf '{"virtualisation": {"cores": "' && head -c 100000000 /dev/zero | tr '\0' x; } >huge.json
    refused --config huge.json
    [[ $output == *"huge.json: is larger than 4 MiB, expected a configuration"* ]]
    refused --config - <huge.json
    [[ $output == *"stdin: is larger than 4 MiB"* ]]
}

@test "of very many problems the first are told" {
    python3 -c 'print("{\"virtualisation\":{\"qemu\":{\"drives\":[" + ",".join(["{}"] * 100000) + "]}}}")' >many.json
    run -65 --separate-stderr run_vm --config many.json
    [[ $stderr == *"drives.<entry 100>.file: is not set"*"there are more problems than these 100" ]]
}
