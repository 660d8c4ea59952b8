#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The preparation before QEMU starts, and its remains: files, cache, locks, temporary directory. QEMU
# is a script that the test writes; qemu-img and all other programs are real.
# shellcheck disable=SC2016,SC2119,SC2120,SC2030,SC2031,SC2154 # QEMU's script is not expanded here

bats_require_minimum_version 1.5.0

load start

# Runs a command in a mount namespace in which TMPDIR is a filesystem of a size.
with_small_tmp() {
    local size=$1
    shift
    unshare -rm sh -c 'mount -t tmpfs -o size='"$size"' small "$TMPDIR" && exec "$@"' sh "$@"
}

@test "the first start makes image and initrd, the second nothing" {
    qemu 'ls >"$HOME/listing"; readlink initrd >"$HOME/initrd"'
    run -0 run_vm
    [ "$(qemu-img info --output=json nixos.qcow2 | jq '."virtual-size"')" = 8388608 ]
    qemu-io -f qcow2 -c 'write -P 1 1M 64k' nixos.qcow2 # a blank one would get another stamp
    first=$(stat -c '%i %y' nixos.qcow2 "$(cat "$HOME/initrd")")
    grep -qx xchg "$HOME/listing"
    run -0 run_vm
    [ "$(stat -c '%i %y' nixos.qcow2 "$(cat "$HOME/initrd")")" = "$first" ]
    [ "$(entries initrd | wc -l)" = 1 ]
    [ -z "$(ls -A "$TMPDIR")" ]
}

@test "useHostCerts: QEMU finds a copy of the certificates, of which nothing is left afterwards" {
    echo "certificates of the host" >host.crt
    qemu 'cp certs/ca-certificates.crt "$CALLER/seen"'
    NIX_SSL_CERT_FILE=host.crt run -0 run_vm -o virtualisation.useHostCerts=true
    cmp host.crt seen
    [ -z "$(ls -A "$TMPDIR")" ]
    # one that names none is no reason not to start, as with NixOS's script
    qemu 'ls -A certs >"$CALLER/seen"'
    NIX_SSL_CERT_FILE=gone.crt run -0 run_vm -o virtualisation.useHostCerts=true
    [[ $output == *"NIX_SSL_CERT_FILE $PWD/gone.crt does not exist: virtualisation.useHostCerts"* ]]
    NIX_SSL_CERT_FILE='' run -0 run_vm -o virtualisation.useHostCerts=true
    [[ $output == *"NIX_SSL_CERT_FILE is not set: virtualisation.useHostCerts"* ]]
    [ ! -s seen ]
}

@test "the initrd is made anew when the guest's init changes, and only then" {
    run -0 run_vm
    echo "another init" >system/new
    mv system/new system/guest-init
    run -0 run_vm
    run -0 run_vm
    [ "$(entries initrd | wc -l)" = 2 ]
}

@test "a second run-vm on the same image is refused with its name, and touches nothing" {
    mkfifo started finish
    qemu 'echo >"$CALLER/started"; read -r x <"$CALLER/finish"'
    run_vm 3>&- &
    first=$!
    read -t 60 -r _ <>started
    before=$(find . "$TMPDIR" -printf '%p %i %s %T@\n' | sort)
    run -74 run_vm
    [[ $output == *"$PWD/nixos.qcow2: in use by another run-vm"* ]]
    [ "$(find . "$TMPDIR" -printf '%p %i %s %T@\n' | sort)" = "$before" ]
    # another image is not locked
    qemu 'exit 0'
    NIX_DISK_IMAGE=other.qcow2 run -0 run_vm
    finish
    wait "$first"
    run -0 run_vm
}

@test "a kept temporary directory is one machine's: the second start is refused with its name" {
    mkdir kept
    ln -s kept link
    export TMPDIR=$PWD/kept USE_TMPDIR=1
    mkfifo started finish
    qemu 'echo $$ >"$CALLER/started"; read -r x <"$CALLER/finish"'
    run_vm 3>&- &
    first=$!
    read -t 60 -r _ <>started
    before=$(find . -printf '%p %i %s %T@\n' | sort)
    for directory in "$PWD/kept" "$PWD/./link/" kept; do
        NIX_DISK_IMAGE=other.qcow2 TMPDIR=$directory run -74 run_vm
        [[ $output == *"${directory#"$PWD/"}: in use by another run-vm"*TMPDIR* ]]
        NIX_DISK_IMAGE=other.qcow2 TMPDIR=$directory run -74 run_vm --exec true
        [[ $output == *"in use by another run-vm"* ]]
    done
    [ "$(find . -printf '%p %i %s %T@\n' | sort)" = "$before" ]
    # systemd-tmpfiles tries the same lock, and then leaves the directory alone
    run ! flock --nonblock --exclusive kept true
    # other machines can have theirs beside it
    qemu 'exit 0'
    NIX_DISK_IMAGE=other.qcow2 TMPDIR=$PWD/more run -0 run_vm
    finish
    wait "$first"
    [ -z "$(find kept -type s)" ]
    NIX_DISK_IMAGE=other.qcow2 run -0 run_vm
}

@test "of many starts in one new directory one gets it, the others name it" {
    export TMPDIR=$PWD/new USE_TMPDIR=1
    mkfifo finish
    qemu 'echo >>"$CALLER/running"; read -r x <"$CALLER/finish"'
    for ((i = 0; i < PREPARE_ROUNDS; i++)); do
        NIX_DISK_IMAGE=disk$i.qcow2 run_vm 2>"stderr$i" 3>&- &
        started[i]=$!
    done
    for ((left = PREPARE_ROUNDS; left > 1; left--)); do
        wait -n "${started[@]}" && false
    done
    finish
    wait
    [ "$(wc -l <running)" = 1 ]
    [ "$(grep -l 'new: in use' stderr* | wc -l)" = $((PREPARE_ROUNDS - 1)) ]
}

@test "a machine that outlives its run-vm keeps its directory and its image" {
    mkfifo started finish
    # the wrapper dies with run-vm, its child does not
    qemu '(echo >"$CALLER/started"; read -r x <"$CALLER/finish"; echo >"$CALLER/ended") & wait'
    TMPDIR=$PWD/kept USE_TMPDIR=1 "$RUN_VM_PROGRAM" --kernel system/kernel --modules-dir "$modules" \
        --accel tcg --guest-init system/guest-init -o "virtualisation.qemu.package=$PWD/qemu" \
        -o virtualisation.graphics=false 3>&- &
    run_vm=$!
    read -t 60 -r _ <>started
    kill -KILL "$run_vm"
    wait "$run_vm" || true
    run -74 run_vm
    [[ $output == *"nixos.qcow2: in use"* ]]
    NIX_DISK_IMAGE=other.qcow2 TMPDIR=$PWD/kept USE_TMPDIR=1 run -74 run_vm
    [[ $output == *"kept: in use"* ]]
    finish
    until_true [ -e ended ]
    qemu 'exit 0'
    TMPDIR=$PWD/kept USE_TMPDIR=1 run -0 run_vm
}

@test "a machine that outlives its run-vm keeps a directory that is removed with it" {
    local directory
    mkfifo started finish
    qemu '(pwd >"$CALLER/started"; read -r x <"$CALLER/finish"; ls >"$CALLER/left") & wait'
    "$RUN_VM_PROGRAM" --kernel system/kernel --modules-dir "$modules" --accel tcg \
        --guest-init system/guest-init -o "virtualisation.qemu.package=$PWD/qemu" \
        -o virtualisation.graphics=false 3>&- &
    run_vm=$!
    read -t 60 -r directory <>started
    kill -KILL "$run_vm"
    wait "$run_vm" || true
    run -74 run_vm # long enough for a keeper that would not wait
    finish
    until_true [ ! -e "$directory" ]
    grep -q xchg left
}

@test "a temporary directory of its own is locked as well, against those who clean /tmp" {
    qemu 'flock --nonblock --exclusive . true && echo free; exit 0'
    run -0 run_vm
    [[ $output != *free* ]]
}

@test "many starts at the same instant make the initrd once" {
    for ((i = 0; i < PREPARE_ROUNDS; i++)); do
        NIX_DISK_IMAGE=disk$i.qcow2 run_vm 3>&- &
        started[i]=$!
    done
    for pid in "${started[@]}"; do
        wait "$pid"
    done
    [ "$(entries initrd | wc -l)" = 1 ]
    [ -z "$(find "$XDG_CACHE_HOME/run-vm" -name '.new-*' -o -name '.old-*')" ]
    [ -z "$(ls -A "$TMPDIR")" ]
}

@test "starts at the same instant, each with an image of its own, share what is made once" {
    everything
    export store_image=file
    remember_nix_store
    cp "$HOME/sums" sums
    for tool in mkfs.erofs strip; do
        printf '#!/bin/sh\necho %s >>%q\nexec %q "$@"\n' $tool "$PWD/made" "$(command -v $tool)" \
            >bin/$tool
        chmod +x bin/$tool
    done
    mkfifo ready
    exec 7<>ready 8>gate
    rounds=${RUN_VM_LONG:+50}
    for ((round = 0; round < ${rounds:-2}; round++)); do
        rm -rf "$XDG_CACHE_HOME" made home*
        flock 8
        for i in 1 2; do
            mkdir "home$i"
            (
                export HOME=$PWD/home$i images=$PWD/home$i
                echo >&7
                flock -s gate true
                start_all 2>"$HOME/stderr"
            ) 3>&- 8>&- &
            started[i]=$!
        done
        read -t 60 -r -u 7 && read -t 60 -r -u 7
        flock -u 8
        for i in 1 2; do
            wait "${started[i]}" || { cat "home$i/stderr"; false; }
            cmp sums "home$i/sums"
        done
        [ "$(sort made | xargs)" = "mkfs.erofs strip" ]
        [ "$(for kind in initrd store vmlinux closure; do entries $kind; done | wc -l)" = 4 ]
        [ -z "$(leftovers "$XDG_CACHE_HOME" "$TMPDIR" home1 home2)" ]
    done
    echo "# host faults, two starts at once: $round cases, 0 failures" >&3
}

@test "of many starts with one new image one gets it, the others name it" {
    mkfifo finish
    qemu 'echo >>"$CALLER/running"; read -r x <"$CALLER/finish"'
    for ((i = 0; i < PREPARE_ROUNDS; i++)); do
        run_vm 2>"stderr$i" 3>&- &
        started[i]=$!
    done
    # all but one exit by themselves
    for ((left = PREPARE_ROUNDS; left > 1; left--)); do
        wait -n "${started[@]}" && false
    done
    finish
    wait
    [ "$(wc -l <running)" = 1 ]
    [ "$(grep -l 'nixos.qcow2: in use' stderr* | wc -l)" = $((PREPARE_ROUNDS - 1)) ]
    qemu-img check -q nixos.qcow2
}

@test "killed at any instant of its preparation, it leaves nothing that the next start would use" {
    qemu 'cat initrd >"$HOME/initrd"'
    run -0 run_vm
    whole=$(sha256sum <"$HOME/initrd")
    RANDOM=1
    for ((round = 0; round < PREPARE_ROUNDS; round++)); do
        rm -rf "$XDG_CACHE_HOME" nixos.qcow2 "$HOME/initrd"
        timeout -s KILL "0.0$((RANDOM % 30 + 1))" "$RUN_VM_PROGRAM" --kernel system/kernel \
            --modules-dir "$modules" --guest-init system/guest-init --accel tcg \
            -o virtualisation.diskSize=8 -o "virtualisation.qemu.package=$PWD/qemu" || true
        if [ -e nixos.qcow2 ]; then
            qemu-img check -q nixos.qcow2
        fi
        run -0 run_vm
        [ "$(sha256sum <"$HOME/initrd")" = "$whole" ]
        qemu-img check -q nixos.qcow2
    done
    echo "# kills: $PREPARE_ROUNDS, failures: 0" >&3
}

@test "what a killed start has left beside the image is removed by a later one, and nothing else" {
    touch -d '2 days ago' .run-vm-{0123456789,abcdeABCDE} .run-vm-of-others .run-vm-01234567890 \
        run-vm-0123456789
    touch .run-vm-aaaaaaaaaa # another start may be writing it
    mkdir .run-vm-bbbbbbbbbb
    touch -d '2 days ago' .run-vm-bbbbbbbbbb
    run -0 run_vm
    [ "$(echo .run-vm-* run-vm-*)" = \
        ".run-vm-01234567890 .run-vm-aaaaaaaaaa .run-vm-bbbbbbbbbb .run-vm-of-others run-vm-0123456789" ]
}

@test "a garbage collection takes nothing away from a machine that runs, and all of it afterwards" {
    local system path
    export NIX_CONFIG="build-users-group =" NIX_CONF_DIR=$BATS_TEST_TMPDIR
    unset NIX_PATH NIX_REMOTE NIX_STATE_DIR NIX_STORE_DIR
    mkfifo started finish
    mkdir tree
    echo "a kernel" | tee tree/kernel tree/initrd >tree/kernel-params
    system=$(nix-store --store "$PWD/nix" --add tree)
    path=$(nix-store --store "$PWD/nix" --add system/kernel)
    qemu 'echo >"$CALLER/started"; read -r x <"$CALLER/finish"'
    "$RUN_VM_PROGRAM" --accel tcg -o virtualisation.diskImage=null -o "virtualisation.qemu.package=$PWD/qemu" \
        -o "runVm.store=$PWD/nix" -o runVm.initrd=system -o "system.build.toplevel=$system" \
        -o "system.build.regInfo=$system" -o "virtualisation.additionalPaths=[\"$path\"]" 3>&- &
    run_vm=$!
    read -t 60 -r _ <>started
    nix-store --store "$PWD/nix" --gc
    [ -e "nix$system" ]
    [ -e "nix$path" ]
    finish
    wait "$run_vm"
    nix-store --store "$PWD/nix" --gc
    [ ! -e "nix$system" ]
}

@test "a signal powers down, and leaves no temporary directory and no QEMU" {
    mkfifo started
    qemu 'echo $$ >"$CALLER/started"; exec tail -f /dev/null'
    "$RUN_VM_PROGRAM" --kernel system/kernel --modules-dir "$modules" --accel tcg \
        --guest-init system/guest-init -o "virtualisation.qemu.package=$PWD/qemu" 3>&- &
    run_vm=$!
    read -t 60 -r qemu <>started
    kill -TERM "$run_vm"
    wait "$run_vm" || status=$?
    # this QEMU has no monitor, so run-vm kills it
    [ "$status" = 137 ]
    run ! kill -0 "$qemu"
    [ -z "$(ls -A "$TMPDIR")" ]
}

@test "a terminal that hangs up does not end what nohup has started" {
    mkfifo started finish
    qemu 'echo $$ >"$CALLER/started"; read -r line <"$CALLER/finish"; exit 7'
    nohup "$RUN_VM_PROGRAM" --kernel system/kernel --modules-dir "$modules" --accel tcg \
        --guest-init system/guest-init -o "virtualisation.qemu.package=$PWD/qemu" 3>&- &
    run_vm=$!
    read -t 60 -r qemu <>started
    kill -HUP "$run_vm"
    sleep 0.5
    finish
    wait "$run_vm" || status=$?
    [ "$status" = 7 ]
}

@test "a caller that lets the kernel reap its children gets QEMU's status all the same" {
    qemu 'exit 7'
    run -7 env --ignore-signal=CHLD "$RUN_VM_PROGRAM" --kernel system/kernel --modules-dir "$modules" \
        --accel tcg --guest-init system/guest-init -o "virtualisation.qemu.package=$PWD/qemu"
}

@test "QEMU does not outlive a run-vm that is killed" {
    mkfifo started
    qemu 'echo $$ >"$CALLER/started"; exec tail -f /dev/null'
    "$RUN_VM_PROGRAM" --kernel system/kernel --modules-dir "$modules" --accel tcg \
        --guest-init system/guest-init -o "virtualisation.qemu.package=$PWD/qemu" 3>&- &
    run_vm=$!
    read -t 60 -r qemu <>started
    kill -KILL "$run_vm"
    until_true is_gone "$qemu"
}

@test "the exit status is QEMU's; what it was killed by is said" {
    qemu 'exit 42'
    run -42 run_vm
    qemu 'kill -SEGV $$'
    run -139 run_vm
    [[ $output == *"qemu-kvm: killed by signal 11"* ]]
    [ -z "$(ls -A "$TMPDIR")" ]
}

@test "a missing qemu-img is named with its package before anything is made" {
    mkdir path
    ln -s "$PWD/qemu/bin/qemu-kvm" path/qemu-system-x86_64
    PATH=$PWD/path run -69 "$RUN_VM_PROGRAM" --kernel system/kernel --modules-dir "$modules" \
        --guest-init system/guest-init --accel tcg -o nixpkgs.hostPlatform=x86_64-linux
    [[ $output == *"qemu-img: "*"qemu-utils"* ]]
    [ -z "$(ls -A "$TMPDIR")" ]
    [ ! -e nixos.qcow2 ]
}

@test "a failing qemu-img gives its status, its words and no image" {
    rm qemu/bin/qemu-img
    printf '#!/bin/sh\necho half >"$4"\necho "no luck today" >&2\nexit 5\n' >qemu/bin/qemu-img
    chmod +x qemu/bin/qemu-img
    run -5 run_vm
    [[ $output == *"no luck today"* && $output == *"nixos.qcow2: "*"exit status 5"* ]]
    [ -z "$(find . -name '*.qcow2' -o -name '.run-vm-*')" ]
    [ -z "$(ls -A "$TMPDIR")" ]
}

@test "a temporary directory that cannot be made is named" {
    TMPDIR=$BATS_TEST_TMPDIR/nowhere run -65 run_vm
    [[ $output == *"$BATS_TEST_TMPDIR/nowhere"* ]]
}

@test "a full file system is named, and nothing half made is left" {
    export XDG_CACHE_HOME=$TMPDIR/cache NIX_DISK_IMAGE=$TMPDIR/disk.qcow2
    head -c 3000000 /dev/urandom >system/guest-init
    run -74 with_small_tmp 1M "$RUN_VM_PROGRAM" --kernel system/kernel --modules-dir "$modules" \
        --guest-init system/guest-init --accel tcg -o virtualisation.diskSize=8 \
        -o "virtualisation.qemu.package=$PWD/qemu"
    [[ $output == *"No space left on device"* ]]
}

@test "without a cache the initrd is made in the temporary directory" {
    export XDG_CACHE_HOME=/dev/null/cache
    qemu 'test -f initrd && ! test -L initrd && cat initrd >"$HOME/initrd"'
    run -0 run_vm
    [ -s "$HOME/initrd" ]
    [ -z "$(ls -A "$TMPDIR")" ]
}

@test "a cache that was tampered with is not used" {
    qemu 'cat initrd >"$HOME/initrd"'
    run -0 run_vm
    whole=$(sha256sum <"$HOME/initrd")
    for damage in 'truncate -s 100 initrd' 'truncate -s 0 info' 'rm initrd' 'rm info' \
        'echo more >>initrd' 'ln -sf /etc/passwd initrd' 'chmod 0777 .' \
        'cp initrd new; mv new initrd'; do
        (cd "$(entries initrd)" && sh -c "$damage")
        run -0 run_vm
        [ "$(sha256sum <"$HOME/initrd")" = "$whole" ]
        [ "$(entries initrd | wc -l)" = 1 ]
    done
}

@test "the cache is listed, and pruned but for what is in use" {
    mkfifo started finish
    qemu 'exit 0'
    run -0 run_vm
    echo "another init" >system/guest-init
    qemu 'echo >"$CALLER/started"; read -r x <"$CALLER/finish"'
    run_vm 3>&- &
    first=$!
    read -t 60 -r _ <>started
    run -0 "$RUN_VM_PROGRAM" cache
    [ "$(grep -c '^initrd-[0-9a-f]* .* second' <<<"$output")" = 2 ]
    [ "$(grep -c 'in use$' <<<"$output")" = 1 ]
    mkdir "$XDG_CACHE_HOME/run-vm/guest-libs-of-others" "$XDG_CACHE_HOME/run-vm/.new-leftover"
    run -0 "$RUN_VM_PROGRAM" cache prune --older-than 1
    [ -z "$output" ]
    run -0 "$RUN_VM_PROGRAM" cache prune
    [ "$(entries initrd | wc -l)" = 1 ]
    [ -d "$XDG_CACHE_HOME/run-vm/guest-libs-of-others" ]
    [ ! -e "$XDG_CACHE_HOME/run-vm/.new-leftover" ]
    finish
    wait "$first"
    run -0 "$RUN_VM_PROGRAM" cache prune --max-size 1G
    [ "$(entries initrd | wc -l)" = 1 ]
    run -0 "$RUN_VM_PROGRAM" cache prune --max-size 1K
    [ -z "$(entries initrd)" ]
    run -64 "$RUN_VM_PROGRAM" cache prune --max-size much
    run -64 "$RUN_VM_PROGRAM" cache clean
}

@test "nothing needs root" {
    [ "$(id -u)" = 0 ] || skip "not root: every test shows it"
    chmod -R a+rwX "$BATS_TEST_TMPDIR" "$BATS_FILE_TMPDIR" 2>/dev/null
    chmod a+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/*
    run -0 setpriv --reuid 65534 --regid 65534 --clear-groups "$RUN_VM_PROGRAM" \
        --kernel system/kernel --modules-dir "$modules" --guest-init system/guest-init \
        --accel tcg -o virtualisation.diskSize=8 -o "virtualisation.qemu.package=$PWD/qemu"
    [ "$(stat -c %u nixos.qcow2)" = 65534 ]
    [ "$(stat -c %u "$(entries initrd)")" = 65534 ]
}
