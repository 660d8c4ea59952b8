# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Sourced by the bench-* programs: rows of the table, and parts of the report.
#
# build/bench/NAME.rows contains the rows of bench-NAME, NAME.md its part of the report; ./report joins
# those of all.

# table_begin NAME: begins empty files for bench-NAME.
table_begin() {
    table=$RUN_VM_BUILD/bench/$1
    missed=0
    mkdir -p "$RUN_VM_BUILD/bench"
    rm -f "$table.rows" "$table.md"
}

calculate() { # FORMAT EXPRESSION, with figures as numbers
    awk "BEGIN { printf \"$1\", $2 }"
}

# row WHAT FIGURE TARGET CONDITION: prints a row. CONDITION is an awk expression; without one there is no
# target. The target is missed if awk cannot evaluate the condition because a figure is missing.
row() {
    local verdict=-
    if [ -n "${4:-}" ]; then
        verdict=met
        if [ "$(calculate %d "($4)")" != 1 ]; then
            verdict=MISSED
            missed=$((missed + 1))
        fi
    fi
    echo "| $1 | $2 | $3 | $verdict |" >>"$table.rows"
    printf '%-72s %28s  %-34s %s\n' "$1" "$2" "$3" "$verdict"
}

# Adds standard input to the report.
section() {
    cat >>"$table.md"
}

# table_end: fails if a row missed its target.
table_end() {
    [ "$missed" = 0 ] || echo "$missed rows miss their target."
    [ "$missed" = 0 ]
}
