#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# A cache that is damaged, that contains planted files, or that belongs to another user: its entries
# are not used, and nothing outside of it is written.
# shellcheck disable=SC2016,SC2119,SC2120,SC2030,SC2031,SC2154 # QEMU's script is not expanded here

bats_require_minimum_version 1.5.0

load start

# Each damage is done inside an entry. $file is the file in use, $outside one that must not change.
damages=(
    'truncate -s 100 $file' 'truncate -s 0 $file' 'truncate -s 0 info' 'rm $file' 'rm info'
    'echo more >>$file'
    # the same size, and the times restored
    'touch -r $file was; printf evil | dd of=$file bs=1 seek=50 conv=notrunc status=none
        touch -r was $file; rm was'
    'ln -sf $outside $file' 'cp $file new; ln -sf $PWD/new $file' 'ln -sf $outside info'
    'rm $file; mkfifo $file' 'rm info; mkfifo info' 'rm $file; mkdir $file' 'rm info; mkdir info'
    'truncate -s 0 from-*' 'rm from-*' 'chmod 0666 from-*' 'ln -sf $outside from-*'
    'rm from-*; mkfifo $(printf from-%032d 0)' 'for f in from-*; do rm $f; mkfifo $f; done'
    'chmod 0777 .' 'chmod 0666 $file' 'chmod 0666 info' 'cp $file new; mv new $file'
    'chown 65534 .' 'chown 65534 $file' 'chown 65534 info' 'chmod 0 $file info'
    'e=$PWD; cd ..; mv $e moved; ln -s moved $e' 'e=$PWD; cd ..; rm -r $e; mkfifo $e'
    'e=$PWD; cd ..; rm -r $e; ln -s $outside $e' 'e=$PWD; cd ..; rm -r $e; touch $e'
    'e=$PWD; cd ..; rm -r $e; mkdir $e'
    'cd ..; rm locks; mkfifo locks' 'cd ..; rm locks; ln -s $outside locks'
    'cd ..; rm -f locks; mkdir locks' 'cd ..; rm -rf *; ln -s $outside .new-aaaaaaaaaa'
)

@test "no damage to an entry of the cache is used, whatever the entry" {
    everything
    remember_nix_store
    cp "$HOME/sums" sums
    export outside=$PWD/outside file
    echo "not to be touched" >outside
    cases=0 step=${RUN_VM_LONG:+1}
    : "${step:=4}"
    files=(initrd vmlinux store.img registration)
    for i in "${!files[@]}"; do
        file=${files[i]}
        # the short campaign does each damage to one of them
        for ((j = step == 1 ? 0 : i; j < ${#damages[@]}; j += step)); do
            damage=${damages[j]}
            [[ $(id -u) = 0 || $damage != chown* ]] || continue
            cases=$((cases + 1))
            if [ ! -f "$(echo "$XDG_CACHE_HOME"/run-vm/*/"$file")" ]; then
                rm -rf "$XDG_CACHE_HOME"
                start_all 2>stderr
            fi
            entry=$(dirname "$XDG_CACHE_HOME"/run-vm/*/"$file")
            [ "$(id -u)" = 0 ] || chmod u+w "$entry/$file"
            (cd "$entry" && sh -euc "$damage")
            echo "$file: $damage"
            timeout 60 bash -uc start_all 2>stderr || { cat stderr; false; }
            cmp "$HOME/sums" sums
            [ "$(cat outside)" = "not to be touched" ]
            [ -z "$(leftovers "$TMPDIR" .)" ]
        done
    done
    echo "# host faults, damaged caches: $cases cases, 0 failures" >&3
}

@test "what strip could not do this time is not remembered; that there is none is" {
    everything
    remember_nix_store
    cp "$HOME/sums" sums
    for fault in 'kill -KILL $$' 'echo "no luck today" >&2; exit 1'; do
        rm -rf "$XDG_CACHE_HOME"
        printf '#!/bin/sh\n%s\n' "$fault" >bin/strip
        chmod +x bin/strip
        run -0 start_all
        [[ $output == *"the modules could not be stripped: $PWD/bin/strip: "* ]]
        run ! cmp -s "$HOME/sums" sums
        [ -z "$(entries initrd)" ]
        rm bin/strip
        run -0 start_all
        cmp "$HOME/sums" sums
        [ "$(entries initrd | wc -l)" = 1 ]
    done
    # a directory with every program that is needed, except strip
    for tool in nix-store mkfs.erofs fsck.erofs rm cat find sort sha256sum qemu-img sh; do
        mkdir -p few
        [ -e "bin/$tool" ] || ln -s "$(command -v $tool)" few/
    done
    for _ in first second; do
        PATH=$PWD/bin:$PWD/few run -0 start_all
        [ "$(entries initrd | wc -l)" = 2 ]
    done
    run -0 start_all
    cmp "$HOME/sums" sums
}

@test "a cache of somebody else's is not used" {
    [ "$(id -u)" = 0 ] || skip "takes root to make one"
    qemu 'test -f initrd && ! test -L initrd && cat initrd >"$HOME/initrd"'
    for kind in directory link; do
        rm -rf "$XDG_CACHE_HOME" theirs
        mkdir -p theirs "$XDG_CACHE_HOME"
        chown 65534 theirs
        case $kind in
            directory) mv theirs "$XDG_CACHE_HOME/run-vm" ;;
            link) ln -s "$PWD/theirs" "$XDG_CACHE_HOME/run-vm" ;;
        esac
        run -0 run_vm
        [ -z "$(ls -A "$XDG_CACHE_HOME/run-vm/")" ]
    done
}

@test "entries are used again whatever the umask" {
    everything
    umask 0
    start_all
    [ -n "$(entries initrd)" ]
    find "$XDG_CACHE_HOME" -type f -printf '%P %i %C@\n' | sort >made
    start_all
    find "$XDG_CACHE_HOME" -type f -printf '%P %i %C@\n' | sort | diff made -
}

@test "nobody can write to a file of the cache, whatever the umask; of an older version's it is made anew" {
    everything
    umask 0
    start_all
    cp "$HOME/sums" sums
    [ -z "$(find "$XDG_CACHE_HOME/run-vm" -type f -perm /222 ! -name info ! -name 'from-*' ! -name locks ! -name index)" ]
    local entry file
    for file in "$XDG_CACHE_HOME"/run-vm/*/{initrd,vmlinux,store.img,registration}; do
        # the same content as before: only the file's mode follows the umask
        chmod 0644 "$file"
        entry=$(dirname "$file") file=$(basename "$file")
        python3 - "$entry" "$file" <<'END'
import os, sys
entry, name = sys.argv[1:]
st = os.stat(f"{entry}/{name}")
records = open(f"{entry}/info", "rb").read().split(b"\0")
made = f"made {st.st_size} {st.st_mtime_ns} {st.st_ctime_ns} {name}".encode()
records = [made if r.startswith(b"made ") and r.endswith(b" " + name.encode()) else r for r in records]
open(f"{entry}/info", "wb").write(b"\0".join(records))
END
        [ "$(find "$entry" -name "$file" -perm /222)" ]
    done
    start_all
    cmp "$HOME/sums" sums
    [ -z "$(find "$XDG_CACHE_HOME/run-vm" -type f -perm /222 ! -name info ! -name 'from-*' ! -name locks ! -name index)" ]
}

@test "a guest that must be able to write gets a copy of the store image" {
    everything
    qemu 'test -L store.img || : >"$CALLER/copied"; chmod u+w store.img; echo hostile >>store.img'
    local image toplevel
    mkdir toplevel
    export store_image=file
    touch toplevel/{initrd,kernel-params}
    toplevel=$(nix-store --store "$BATS_TEST_TMPDIR/store" --add toplevel)
    for _ in first second; do
        start_all -o virtualisation.qemu.diskInterface=ide -o runVm.initrd=system \
            -o system.build.toplevel="$toplevel"
        image=$(sha256sum "$XDG_CACHE_HOME"/run-vm/store-*/store.img)
        [ "$image" = "${first_image:=$image}" ]
        rm copied
    done
}

# btrfs, ZFS and overlayfs number their devices anew at each boot of the host.
@test "entries are used again when the number of their files' device is another" {
    everything
    mv system lower
    mkdir system upper work held
    mount_and_start() {
        mount -t overlay layers -o lowerdir=lower,upperdir=upper,workdir=work,userxattr system
        stat -c %d system/kernel >>devices
        start_all
        find "$XDG_CACHE_HOME" -type f -printf '%P %i %C@\n' | sort >>made
        umount system
    }
    export -f mount_and_start
    unshare --map-root-user --mount bash -euc 'mount_and_start; mv made first
        mount -t tmpfs held held; mount_and_start'
    [ "$(uniq devices | wc -l)" = 2 ]
    diff first made
}

# refused_with DIRECTORY MODE COMMAND: a start does not use the cache, and prints one line that says why.
refused_with() {
    chmod "$2" "$1"
    run -0 run_vm
    [ "$(grep -c "run-vm: $1: the cache is not used: .*: $3 $1\$" <<<"$output")" = 1 ]
    [ -z "$(ls -A "$XDG_CACHE_HOME/run-vm")" ]
    chmod 0700 "$1"
}

@test "a cache that a group or everybody can write to is refused with what to do, once" {
    qemu 'test -f initrd && ! test -L initrd'
    mkdir -p "$XDG_CACHE_HOME/run-vm"
    refused_with "$XDG_CACHE_HOME/run-vm" 0770 'chmod g-w'
    refused_with "$XDG_CACHE_HOME/run-vm" 0720 'chmod g-w'
    refused_with "$XDG_CACHE_HOME/run-vm" 2775 'chmod g-w'
    refused_with "$XDG_CACHE_HOME/run-vm" 0777 'chmod o-w'
    # who can write to the directory above could replace the cache
    refused_with "$XDG_CACHE_HOME" 0777 'chmod o-w'
    qemu 'test -L initrd'
    chmod 1777 "$XDG_CACHE_HOME"
    run -0 run_vm
    [ -n "$(entries initrd)" ]
    [[ $output != *"not used"* ]]
    [ "$(id -u)" = 0 ] || return 0
    rm -rf "$XDG_CACHE_HOME/run-vm"
    mkdir -m 0700 "$XDG_CACHE_HOME/run-vm"
    chgrp 65534 "$XDG_CACHE_HOME"
    qemu 'test -f initrd && ! test -L initrd'
    refused_with "$XDG_CACHE_HOME" 0775 'chmod g-w'
}

@test "with a umask of 002 the cache is made, and used" {
    umask 002
    mkdir "$XDG_CACHE_HOME"
    [ "$(stat -c %a "$XDG_CACHE_HOME")" = 775 ]
    qemu 'test -L initrd'
    run -0 run_vm
    [ "$(stat -c %a "$XDG_CACHE_HOME/run-vm")" = 700 ]
    run -0 run_vm
    [ "$(entries initrd | wc -l)" = 1 ]
    [[ $output != *"not used"* ]]
}

@test "an entry was last used when a start began or ended that uses it" {
    qemu ': >"$CALLER/started"; cat "$CALLER/finish"'
    mkfifo started finish
    run_vm &
    read -r _ <started || true
    touch -d '3 days ago' "$(entries initrd)"
    finish
    wait
    run -0 "$RUN_VM_PROGRAM" cache prune --older-than 1
    [ "$(entries initrd | wc -l)" = 1 ]
    qemu 'exit 0'
    touch -d '3 days ago' "$(entries initrd)"
    run_vm
    run -0 "$RUN_VM_PROGRAM" cache list
    [[ $output != *"3 days"* ]]
    run -0 "$RUN_VM_PROGRAM" cache prune --older-than 1
    [ "$(entries initrd | wc -l)" = 1 ]
    touch -d '3 days ago' "$(entries initrd)"
    run -0 "$RUN_VM_PROGRAM" cache prune --older-than 1
    [ -z "$(entries initrd)" ]
}

@test "one content is one entry, whatever it was made from, and is found again for each" {
    everything
    local i
    for i in 1 2 3 4; do
        cp -r --preserve=mode "$BATS_TEST_TMPDIR/modules" "$BATS_TEST_TMPDIR/modules$i"
        cp system/kernel "system/kernel$i"
        cp system/guest-init "system/guest-init$i"
    done
    start_copies() {
        for i in 1 2 3 4; do
            start_all --kernel "$PWD/system/kernel$i" --guest-init "$PWD/system/guest-init$i" \
                --modules-dir "$BATS_TEST_TMPDIR/modules$i/lib/modules/6.1.0"
            cat "$HOME/sums" >>all-sums
        done
    }
    start_copies
    [ "$(entries vmlinux | wc -l)" = 1 ]
    [ "$(entries initrd | wc -l)" = 1 ]
    [ "$(entries store | wc -l)" = 1 ]
    [ "$(sort -u all-sums | wc -l)" = 4 ]
    run -0 "$RUN_VM_PROGRAM" cache
    [[ $output == *"4 entries, "*"at most "*"runVm.cacheSize"* ]]
    # the second start makes no new entry
    find "$XDG_CACHE_HOME/run-vm" -type f -printf '%P %i %C@\n' | sort >made
    start_copies
    find "$XDG_CACHE_HOME/run-vm" -type f -printf '%P %i %C@\n' | sort | diff made -
    # two inits of the same size have an entry each
    printf evil | dd of=system/guest-init2 bs=1 seek=5000 conv=notrunc status=none
    start_copies
    [ "$(entries initrd | wc -l)" = 2 ]
    [ "$(entries vmlinux | wc -l)" = 1 ]
}

@test "the cache stays within runVm.cacheSize, and keeps what is in use" {
    everything
    local i used first
    qemu 'echo >"$CALLER/started"; cat "$CALLER/finish"'
    mkfifo started finish
    START_BY="exec" start_all 3>&- &
    read -t 60 -r _ <>started
    used=$(entries initrd)
    qemu 'exit 0'
    for i in 1 2 3 4; do
        head -c 600000 /dev/urandom >system/guest-init
        images=$PWD/other start_all --guest-init "$PWD/system/guest-init" -o runVm.cacheSize=2 2>/dev/null || true
    done
    run -0 "$RUN_VM_PROGRAM" cache
    echo "$output"
    # 600 KB for each initrd, 1.3 MB for the kernel, image and closure in use
    [ "$(entries initrd | wc -l)" -lt 4 ]
    [ -d "$used" ]
    [ "$(entries vmlinux | wc -l)" = 1 ]
    finish
    wait
    # the default limit keeps all of them
    first=$(entries initrd | wc -l)
    for i in 1 2 3; do
        head -c 600000 /dev/urandom >system/guest-init
        start_all
    done
    [ "$(entries initrd | wc -l)" = $((first + 3)) ]
    # a limit of one byte keeps only the entries of the start itself
    head -c 600000 /dev/urandom >system/guest-init
    start_all -o runVm.cacheSize=1
    [ "$(entries initrd | wc -l)" = 1 ]
}

@test "a size of the cache that is none is refused" {
    local size
    for size in 0 -1 1.5 '""' '"0"' '"5X"' '"-5M"' '"4 G"' '"99999999999T"' 17592186044416 '[]' true; do
        run -65 run_vm -o "runVm.cacheSize=$size"
        [[ $output == *"runVm.cacheSize"*"expected null, positive integer, from 1 to 17592186044415 (MiB), or a string"* ]]
        [ ! -e "$XDG_CACHE_HOME" ]
    done
    for size in null 1 '"1"' 500M 4g 1GiB '"2TiB"' 17592186044415; do
        run -0 run_vm -o "runVm.cacheSize=$size"
    done
}
