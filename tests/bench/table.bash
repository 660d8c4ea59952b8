# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Sourced by the bench-* programs: the rows of the table, and the parts of the report.
#
# In build/bench: NAME.rows are the rows of bench-NAME, NAME.md what it has to say besides; ./report
# makes the report of all of them.

# table_begin NAME
table_begin() {
    table=$RUN_VM_BUILD/bench/$1
    missed=0
    mkdir -p "$RUN_VM_BUILD/bench"
    rm -f "$table.rows" "$table.md"
}

calculate() { # FORMAT EXPRESSION, with figures as numbers
    awk "BEGIN { printf \"$1\", $2 }"
}

# row WHAT FIGURE TARGET CONDITION: the condition is awk's; without one there is no target. One that awk
# cannot calculate, for want of a figure, is missed.
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

# The report's part: what standard input says.
section() {
    cat >>"$table.md"
}

# table_end: fails when a row missed its target.
table_end() {
    [ "$missed" = 0 ] || echo "$missed rows miss their target."
    [ "$missed" = 0 ]
}
