#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Filesystems that are full, several or read-only, and tools that are missing, killed or failing, while
# a start makes every kind of file.
# shellcheck disable=SC2016,SC2119,SC2120,SC2030,SC2031,SC2154 # QEMU's script is not expanded here

bats_require_minimum_version 1.5.0

load start

# The step between the sizes of the filesystem, in KiB.
STEP=${RUN_VM_LONG:+64}
: "${STEP:=800}"

# Starts on a filesystem of a size: as long as it is too small the start fails with a reason and leaves
# no incomplete file; with room the next one works. Called in a mount namespace of its own.
start_on_size() {
    mount -t tmpfs -o size="$1"k small "$HOME/small"
    mkdir -p "$HOME"/small/{cache,tmp,images} || return 0 # no room for directories either
    export XDG_CACHE_HOME=$HOME/small/cache TMPDIR=$HOME/small/tmp images=$HOME/small/images
    echo "somebody's" >"$images/vars.fd"
    [ "$firmware" ] || cp kept.qcow2 "$images/disk.qcow2" 2>/dev/null || return 0
    local status=0
    start_all 2>"$HOME/stderr" || status=$?
    [ -z "$(leftovers "$HOME/small")" ] || leftovers "$HOME/small"
    if [ "$status" = 0 ]; then
        echo works >>"$HOME/works"
    else
        grep -Eq 'No space left|cannot be|exit status|Input/output' "$HOME/stderr" ||
            { echo "$1 KiB: no reason:"; cat "$HOME/stderr"; }
        grep -q '^run-vm: .*/' "$HOME/stderr" || { echo "$1 KiB: no name:"; cat "$HOME/stderr"; }
    fi
    mount -o remount,size=100m "$HOME/small"
    start_all 2>"$HOME/stderr" || { echo "$1 KiB: no start with room:"; cat "$HOME/stderr"; }
    [ "$(cat "$images/vars.fd")" = "somebody's" ] || echo "$1 KiB: the variables were changed"
    cmp "$HOME/sums" "$HOME/good"
}

@test "on a file system of every size a start works or says why, and the next works" {
    everything
    export -f start_on_size
    mkdir "$HOME/small"
    cases=0
    for firmware in "" true; do
        export firmware
        echo "somebody's" >vars.fd
        start_all
        cp "$HOME/sums" "$HOME/good"
        cp disk.qcow2 kept.qcow2
        : >"$HOME/works"
        for ((size = 200; size <= 5000; size += STEP)); do
            cases=$((cases + 1))
            output=$(unshare -rm bash -uc "start_on_size $size" 2>&1)
            [ -z "$output" ] || { echo "$size KiB: $output"; false; }
        done
        [ -s "$HOME/works" ]
    done
    echo "# host faults, sizes of a file system: $cases cases, 0 failures" >&3
}

@test "EFI variables, registration and cache lie on file systems of their own" {
    everything
    export -f start_all
    mkdir other
    for directory in other "$TMPDIR"; do
        run -0 env firmware=true images="$PWD/other" unshare -rm bash -euc \
            "mount -t tmpfs other '$directory'; start_all; cmp system/variables other/vars.fd"
    done
}

@test "a temporary directory that cannot be written is named" {
    everything
    export -f start_all
    run -74 unshare -rm bash -euc 'mount -t tmpfs -o ro other "$TMPDIR"; start_all'
    [[ $output == *"$TMPDIR/nix-vm."*"Read-only file system"* ]]
    chmod 0555 "$TMPDIR"
    chmod -R a+rwX . "$BATS_TEST_TMPDIR"/{modules,store}
    chmod a+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/* "$BATS_TEST_TMPDIR"
    chmod 0777 "$BATS_TEST_TMPDIR"
    run -74 setpriv --reuid 65534 --regid 65534 --clear-groups bash -uc start_all
    [[ $output == *"$TMPDIR/nix-vm."*"Permission denied"* ]]
}

@test "a temporary directory that vanishes under QEMU does not keep run-vm from ending" {
    qemu 'rm -rf "$PWD"; exit 7'
    run -7 run_vm
    [ -z "$(ls -A "$TMPDIR")" ]
}

@test "a temporary directory that vanishes while a start is prepared: why, and the next one works" {
    everything
    remember_nix_store
    mkdir faulty
    export store_image=file # which runs one tool more
    start_all
    cp "$HOME/sums" sums
    cases=0 failed=0
    for tool in nix-store mkfs.erofs qemu-img strip; do
        real=$(command -v $tool) place=faulty/$tool
        [ $tool != qemu-img ] || place=qemu/bin/$tool
        for victim in "$TMPDIR/nix-vm.*" ${RUN_VM_LONG:+"$TMPDIR"}; do
            # another process removes the directory before each of the tool's runs in turn
            for ((n = 1, calls = 1; n <= calls; n++)); do
                cases=$((cases + 1))
                rm -rf "$XDG_CACHE_HOME" disk.qcow2 count "$place"
                printf '#!/bin/sh\necho >>%q\n[ $(wc -l <%q) != %d ] || rm -rf %s\nexec %q "$@"\n' \
                    "$PWD/count" "$PWD/count" $n "$victim" "$real" >"$place"
                chmod +x "$place"
                PATH=$PWD/faulty:$PATH run timeout 60 bash -uc start_all
                echo "$tool $n $victim: $status: $output"
                calls=$(wc -l <count)
                if [ "$status" = 0 ]; then
                    cmp "$HOME/sums" sums
                else
                    failed=$((failed + 1))
                    [[ $status != 124 && $output == *"run-vm: $TMPDIR"* && $output == *"No such file or directory"* ]]
                fi
                mkdir -p "$TMPDIR"
                [ -z "$(leftovers "$BATS_TEST_TMPDIR")" ]
                rm "$place"
                ln -s "$real" "$place"
                start_all
                cmp "$HOME/sums" sums
            done
        done
    done
    # the first qemu-img runs before there is a temporary directory
    [ "$failed" = $((cases - 1)) ]
    echo "# host faults, vanishing temporary directories: $cases cases, 0 failures" >&3
}

# The fates of a tool, each a script that replaces it.
faults=('exit 1' 'echo "no luck today" >&2; exit 5' 'kill -KILL $$' 'echo half; kill -SEGV $$')
words=('exit status 1' 'exit status 5' 'signal 9' 'signal 11')

@test "tools that fail, are killed or missing: named with their words, and nothing is left" {
    everything
    mkdir bin
    export store_image=file
    cases=0
    for tool in nix-store mkfs.erofs qemu-img qemu-kvm; do
        case $tool in
            qemu-*) place=qemu/bin/$tool ;;
            *) place=bin/$tool ;;
        esac
        [ ! -e "$place" ] || mv "$place" kept
        for i in "${!faults[@]}" missing; do
            cases=$((cases + 1))
            rm -rf "$place" "$XDG_CACHE_HOME" disk.qcow2
            if [ "$i" != missing ]; then
                printf '#!/bin/sh\n%s\n' "${faults[i]}" >"$place"
                chmod +x "$place"
            elif [[ $place == bin/* ]]; then
                mkdir -p few
                ln -sf "$(command -v qemu-img)" few/qemu-img
                ln -sf "$(command -v nix-store)" "$(command -v rm)" few
                rm -f "few/$tool"
                PATH=$PWD/few run start_all
            fi
            [[ $i == missing && $place == bin/* ]] || PATH=$PWD/bin:$PATH run start_all
            echo "$tool $i: $status: $output"
            [ "$status" != 0 ]
            if [ "$i" = missing ]; then
                # a package without the tool is a wrong setting
                [[ $output == *"$tool"* && $status = 6[59] ]]
            elif [ "$tool" != qemu-kvm ]; then
                [[ $output == *"$tool: "*"${words[i]}"* ]]
            fi
            [[ $i != 1 || $output == *"no luck today"* ]]
            [ -z "$(leftovers "$BATS_TEST_TMPDIR")" ]
        done
        rm -f "$place"
        [ ! -e kept ] || mv kept "$place"
        run -0 start_all
    done
    echo "# host faults, tools: $cases cases, 0 failures" >&3
}
