#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# README's table of libraries: each that is linked, or opened later, is in it with its half, and no
# other. Whoever passes run-vm on looks there for the licences.

# Libraries that the table calls by the name of their project, in the form NAME=FILE.
FILES="glibc=libc musl=libc jansson=libjansson SQLite=libsqlite3 zlib=libz"

# table COLUMN: the names of the files with a tick in the column, sorted: 4 is the host, 5 the guest.
table() {
    awk -F'|' -v column="$1" -v files="$FILES" '
        BEGIN { n = split(files, pairs, " "); for (i in pairs) { split(pairs[i], p, "="); file[p[1]] = p[2] } }
        /^\| library \|/ { inside = 1; next }
        inside && !/^\|/ { exit }
        inside && $column ~ /✓/ {
            sub(/\(.*/, "", $2)
            n = split($2, names, /[ ,]+/)
            for (i = 1; i <= n; i++) if (names[i] != "") print (names[i] in file) ? file[names[i]] : names[i]
        }' "$BATS_TEST_DIRNAME/../../README.md" | sort -u
}

@test "README names the libraries that run-vm is linked against and those that it opens" {
    {
        readelf --wide --dynamic "$RUN_VM_PROGRAM" | sed -n 's/.*(NEEDED).*\[\(lib[^.]*\)\.so.*/\1/p'
        strings -a "$RUN_VM_PROGRAM" | sed -n 's/^\(lib[a-z0-9]*\)\.so[.0-9]*$/\1/p'
    } | grep -v -e '^libasan$' -e '^libubsan$' | sort -u >"$BATS_TEST_TMPDIR/linked"
    [ -s "$BATS_TEST_TMPDIR/linked" ]
    diff <(table 4) "$BATS_TEST_TMPDIR/linked"
}

# The linker's map tells from which archives it took anything; gcc's own helpers have no licence to
# pass on (GCC Runtime Library Exception).
@test "README names the libraries that init is linked from" {
    sed -n 's,^[^ ].*/\(lib[a-z0-9_]*\)\.a(.*,\1,p' "$RUN_VM_BUILD/guest/init.map" |
        grep -v -e '^libgcc' -e '^libssp' | sort -u >"$BATS_TEST_TMPDIR/linked"
    [ -s "$BATS_TEST_TMPDIR/linked" ]
    diff <(table 5) "$BATS_TEST_TMPDIR/linked"
}
