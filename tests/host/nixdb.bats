#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Compares the Nix database with those that Nix itself writes: Debian 12's (2.8) and Debian 13's (2.26),
# in stores of the test's own.
# shellcheck disable=SC2154 # bats sets stderr

bats_require_minimum_version 1.5.0

setup_file() {
    export NIX_CONFIG="build-users-group ="
    export NIX_CONF_DIR=$BATS_FILE_TMPDIR
    unset NIX_PATH NIX_REMOTE NIX_STATE_DIR NIX_STORE_DIR
    here=$(dirname "$(readlink -f "$BATS_TEST_FILENAME")")
    export here
    export make_registration=$here/../bench/make-registration
    export load=${RUN_VM_TOOLS:?run this by make check-host}/nix-load-db
    NIX_2_26=$("$here/../../scripts/fetch-package" trixie nix-bin)/run
    export NIX_2_26
    # after fetch-package, whose cache is in the user's home
    export HOME=$BATS_FILE_TMPDIR
    "$make_registration" 300 8 >"$BATS_FILE_TMPDIR/300"
    make_derivations
}

# A store with derivations, and Nix's registration of it.
make_derivations() {
    local store=$BATS_FILE_TMPDIR/derivations
    nix-instantiate --store "$store" "$here/nixdb/packages.nix" >/dev/null 2>&1
    nix-store --store "$store" --dump-db >"$store.registration"
    [ "$(grep -c '^/nix/store/.*-top.drv' "$store.registration")" -ge 1 ]
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
}

# with_nix VERSION PROGRAM ARGUMENT...: runs a program of that Nix.
with_nix() {
    if [ "$1" = 2.26 ]; then
        "$NIX_2_26" "${@:2}"
    else
        "${@:2}"
    fi
}

versions="2.8 2.26"

nix_loads() { # VERSION STORE FILE
    mkdir -p "$2/nix/store"
    with_nix "$1" nix-store --store "$PWD/$2" --load-db <"$3"
}

we_load() { # STORE FILE [OPTION]...
    mkdir -p "$1/nix/store"
    "$load" "${@:3}" "$1/nix/var/nix" <"$2"
}

# Prints a database without its times, in the order of its rows.
dump() {
    sqlite3 "$1/nix/var/nix/db/db.sqlite" .dump | sed -E "s/^(INSERT INTO ValidPaths VALUES\([0-9]+,'[^']*','[^']*',)[0-9]+,/\1TIME,/"
    sqlite3 "$1/nix/var/nix/db/db.sqlite" "pragma page_size; pragma encoding; pragma journal_mode;
        pragma user_version; pragma application_id; pragma auto_vacuum; pragma integrity_check;
        select type, name, tbl_name from sqlite_schema"
}

# Prints the contents of a database. Times, and the order of the references, are irrelevant.
contents() {
    sqlite3 "$1/nix/var/nix/db/db.sqlite" "
        select id, path, hash, deriver, narSize, ultimate, sigs, ca from ValidPaths order by id;
        select * from Refs order by referrer, reference;
        select * from DerivationOutputs order by drv, id;
        select * from sqlite_sequence; pragma integrity_check"
}

# Prints names, modes, sizes and times of all files in the state directory.
listing() {
    find "$1/nix/var/nix" -printf '%P %M %s %T@ %C@ %i\n' | sort
}

same() {
    diff -u <("${@:3}" "$1") <("${@:3}" "$2")
}

@test "a new database is the one that each Nix makes, to the text of its tables" {
    for version in $versions; do
        nix_loads "$version" "nix-$version" "$BATS_FILE_TMPDIR/300"
        we_load "ours-$version" "$BATS_FILE_TMPDIR/300" --like "$version"
        same "nix-$version" "ours-$version" dump
    done
}

@test "the files beside it have the names, modes and sizes of Nix's" {
    nix_loads 2.8 nix "$BATS_FILE_TMPDIR/300"
    we_load ours "$BATS_FILE_TMPDIR/300"
    files() { (cd "$1/nix/var/nix" && find db ! -name db.sqlite ! -type d -printf '%p %M %s\n' -o -printf '%p %M\n' | sort); }
    same nix ours files
    cmp nix/nix/var/nix/db/schema ours/nix/var/nix/db/schema
    cmp nix/nix/var/nix/db/reserved ours/nix/var/nix/db/reserved
}

@test "derivations get the outputs that Nix gives them" {
    for version in $versions; do
        for who in nix ours; do
            mkdir -p "$who-$version/nix"
            cp -a "$BATS_FILE_TMPDIR/derivations/nix/store" "$who-$version/nix/"
        done
        nix_loads "$version" "nix-$version" "$BATS_FILE_TMPDIR/derivations.registration"
        we_load "ours-$version" "$BATS_FILE_TMPDIR/derivations.registration" --like "$version"
        same "nix-$version" "ours-$version" dump
    done
    [ "$(sqlite3 ours-2.8/nix/var/nix/db/db.sqlite 'select count(*) from DerivationOutputs')" = 6 ]
}

@test "each Nix works with the database, and finds nothing to correct" {
    mkdir -p ours/nix
    cp -a "$BATS_FILE_TMPDIR/derivations/nix/store" ours/nix/
    we_load ours "$BATS_FILE_TMPDIR/derivations.registration"
    top=$(grep -m 1 -e '-top.drv$' "$BATS_FILE_TMPDIR/derivations.registration")
    for version in $versions; do
        contents ours >before
        run -0 --separate-stderr with_nix "$version" nix-store --store "$PWD/ours" --verify --check-contents
        [[ $stderr != *error* && $stderr != *modified* && $stderr != *disappeared* ]]
        with_nix "$version" nix-store --store "$PWD/ours" -qR "$top" | sort >closure
        nix-store --store "$BATS_FILE_TMPDIR/derivations" -qR "$top" | sort | diff -u - closure
        with_nix "$version" nix-store --store "$PWD/ours" --dump-db | diff -u - "$BATS_FILE_TMPDIR/derivations.registration"
        nix_loads "$version" ours "$BATS_FILE_TMPDIR/derivations.registration"
        contents ours | diff -u before -
    done
}

@test "an existing database of each Nix is brought to what Nix brings it to" {
    # 400 paths in random loads of overlapping parts, some with other hashes and fewer references; our
    # program and Nix take turns on one copy, Nix works alone on the other
    "$make_registration" 200 8 3 >base
    for version in $versions; do
        nix_loads "$version" "nix-$version" base
        cp -a "nix-$version" "ours-$version"
        for step in 1 2 3 4 5 6; do
            "$make_registration" 20 5 3 $((190 + step * 10)) >overlapping
            if [ $((step % 2)) = 0 ]; then
                # known paths, with other hashes and sizes
                "$make_registration" 150 8 3 | sed 's/^sha256:[0-9a-f]/sha256:'$step'/; s/^\([0-9]\{4\}\)$/9\1/' >>overlapping
            fi
            nix_loads "$version" "nix-$version" overlapping
            if [ "$step" = 3 ]; then
                nix_loads "$version" "ours-$version" overlapping
            else
                we_load "ours-$version" overlapping
            fi
            same "nix-$version" "ours-$version" contents
        done
    done
}

@test "a later Nix adds nothing but its own empty table to ours" {
    we_load ours "$BATS_FILE_TMPDIR/300"
    nix_loads 2.26 ours /dev/null
    dump ours >after
    nix_loads 2.8 nix "$BATS_FILE_TMPDIR/300"
    nix_loads 2.26 nix /dev/null
    dump nix | diff -u - after
}

@test "what is registered already is found so without a write, whichever Nix wrote it" {
    for version in $versions; do
        nix_loads "$version" "s-$version" "$BATS_FILE_TMPDIR/300"
        listing "s-$version" >before
        we_load "s-$version" "$BATS_FILE_TMPDIR/300"
        listing "s-$version" | diff -u before -
        strace -f -o trace -e trace=pwrite64,write,ftruncate,unlink,rename,fallocate,mkdir "$load" --verbose "s-$version/nix/var/nix" <"$BATS_FILE_TMPDIR/300"
        [ "$(grep -c -e pwrite -e ftruncate -e unlink -e rename -e fallocate -e mkdir trace)" = 0 ]
    done
}

@test "signatures and content addresses of a known path stay" {
    nix_loads 2.8 s "$BATS_FILE_TMPDIR/300"
    sqlite3 s/nix/var/nix/db/db.sqlite "update ValidPaths set sigs = 'key:AAAA', ca = 'text:sha256:1'"
    "$make_registration" 300 8 | sed 's/^sha256:./sha256:0/' >changed
    we_load s changed
    [ "$(sqlite3 s/nix/var/nix/db/db.sqlite "select distinct sigs, ca from ValidPaths")" = 'key:AAAA|text:sha256:1' ]
}

@test "what Nix refuses is refused, with the line, and nothing is written" {
    a=/nix/store/00000000000000000000000000000001-a b=/nix/store/00000000000000000000000000000002-b
    h=sha256:1111111111111111111111111111111111111111111111111111111111111111
    printf '%s\n' $a $h 1 '' 0 >good
    printf '%s\n' $a $h 1 >bad-truncated
    printf '%s\n' $a $h 1 '' 2 $a >bad-count
    printf '%s\n' $a ${h}0 1 '' 0 >bad-hash
    printf '%s\n' $a ${h/1/x} 1 '' 0 >bad-digit
    printf '%s\n' $a $h one '' 0 >bad-size
    printf '%s\n' $a $h 1 none 0 >bad-deriver
    printf '%s\n' $a $h 1 '' 1 $b >bad-nowhere
    printf '%s\n' $a $h 1 '' 1 $b $b $h 1 '' 1 $a >bad-cycle
    printf '%s\n' /gnu/store/${a##*/} $h 1 '' 0 >bad-store
    printf '%s\n' /nix/store/a $h 1 '' 0 >bad-path
    printf '%s\n' $b.drv $h 1 '' 0 >bad-derivation
    printf '%s\n%s\n1\0\n\n0\n' $a $h >bad-nul
    for file in bad-*; do
        run ! nix_loads 2.8 nix "$file"
    done
    nix_loads 2.8 s good
    contents s >before-contents
    for file in bad-*; do
        listing s >before
        run -1 --separate-stderr "$load" --file "$file" s/nix/var/nix
        case "$file" in
        # the error is found only while rows are written: the transaction is rolled back
        bad-derivation) [[ $stderr == *"${b##*/}.drv"* ]] ;;
        bad-nowhere) [[ $stderr == *"$file:6: "*"$b"* ]] ;;
        *)
            [[ $stderr == *"$file:"[0-9]* ]]
            listing s | diff -u before -
            ;;
        esac
        contents s | diff -u before-contents -
    done
}

@test "the file is read once, in blocks of a megabyte" {
    "$make_registration" 4000 8 >big
    strace -o trace -e trace=read,pread64,lseek,mmap "$load" --file big s/nix/var/nix
    size=$(stat -c %s big)
    awk -v size="$size" '/^read\(/ && / = 1048576$/ { big++; sum += 1048576; next }
        /^read\(/ && big && !done { sum += $NF; if ($NF == 0) done = 1 }
        END { exit !(sum == size && big == int(size / 1048576)) }' trace
}

# Runs a function in a mount namespace of its own, with a tmpfs of SIZE on ./small.
on_small_disk() { # SIZE FUNCTION
    mkdir -p small
    local map=(--map-root-user)
    [ "$(id -u)" != 0 ] || map=()
    # shellcheck disable=SC2163 # the name of a function
    export -f we_load "$2"
    unshare --mount "${map[@]}" bash -euc "mount -t tmpfs -o size=$1 tmpfs small && $2"
}

@test "on a full disk there is a warning, and the database is as before or not there" {
    "$make_registration" 2000 8 5 >two-thousand
    fills_up() {
        we_load small/s "$BATS_FILE_TMPDIR/300"
        sqlite3 small/s/nix/var/nix/db/db.sqlite .dump >before
        for room in 0 4 64 400; do
            head -c 50M /dev/zero >small/filler 2>/dev/null || true
            truncate -s -${room}K small/filler
            if we_load small/s two-thousand 2>message; then exit 9; fi
            grep -q 'full' message
            rm small/filler
            sqlite3 small/s/nix/var/nix/db/db.sqlite .dump | cmp - before
            [ "$(sqlite3 small/s/nix/var/nix/db/db.sqlite 'pragma integrity_check')" = ok ]
        done
        we_load small/s two-thousand
        [ "$(sqlite3 small/s/nix/var/nix/db/db.sqlite 'select count(*) from ValidPaths')" = 2300 ]
    }
    on_small_disk 16M fills_up
    never_fits() {
        for size in 8 64 500 1000; do
            mkdir -p small/s
            if we_load small/s two-thousand 2>message; then exit 9; fi
            grep -q -e 'full' -e 'No space' message
            [ ! -e small/s/nix/var/nix/db/db.sqlite ]
            [ ! -e small/s/nix/var/nix/db/schema ]
            mount -o remount,size=${size}K small
        done
    }
    on_small_disk 4K never_fits
}

@test "on a read-only root there is a warning, but none where nothing is to be written" {
    turns_read_only() {
        we_load small/s "$BATS_FILE_TMPDIR/300"
        mount -o remount,ro small
        we_load small/s "$BATS_FILE_TMPDIR/300"
        printf '/nix/store/00000000000000000000000000000001-a\nsha256:%064d\n1\n\n0\n' 0 >one
        if we_load small/s one 2>message; then exit 9; fi
        grep -q -i 'read-only' message
    }
    on_small_disk 20M turns_read_only
}

@test "memory stays under 60 MB for 50,000 paths" {
    "$make_registration" 50000 8 >big
    for _ in new same; do
        command time -f %M -o memory "$load" s <big
        [ "$(cat memory)" -lt 60000 ]
    done
}
