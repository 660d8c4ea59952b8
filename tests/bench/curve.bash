# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154 # what table_begin sets
# Sourced by the bench-* programs: the growth of a cost with a number of things.
#
# Points are lines "NUMBER COST SERIES" of a file, in ascending order of NUMBER within a series. A series
#   is no worse than linear    if one more thing costs, from the last but one point to the last, at most
#                              twice as much as from the first to the last but one, apart from noise
#   has no large constant      if a thing in the largest case costs at most 3 times as much as in the
#                              smallest case

# growth_of FILE SERIES NOISE: prints "RATIO-OF-SLOPES RATIO-OF-COSTS". NOISE is the part of the smallest
# cost that is noise.
growth_of() {
    awk -v series="$2" -v noise="$3" '{
        name = $0
        sub(/^[^ ]+ [^ ]+ /, "", name)
        if (name == series) { x[++n] = $1; y[n] = $2 }
    }
    END {
        if (n < 3) exit 1
        before = (y[n - 1] - y[1]) / (x[n - 1] - x[1])
        last = (y[n] - y[n - 1]) / (x[n] - x[n - 1])
        least = noise * y[1] / (x[n - 1] - x[1])
        printf "%.2f %.4f\n", last / (before > least ? before : least), y[n] / x[n] / (y[1] / x[1])
    }' "$1"
}

# curve FILE TITLE THINGS UNIT NOISE: prints the points and their rows in the table, and adds table and
# plot to the report.
curve() {
    local file=$1 title=$2 things=$3 unit=$4 noise=$5 series slopes costs ends
    local verdicts="" picture=${file##*/}.svg
    "$here/plot" "$title" "$things" "$unit" <"$file" >"$RUN_VM_BUILD/bench/$picture"
    while read -r series; do
        read -r slopes costs < <(growth_of "$file" "$series" "$noise")
        ends=$(sed -n "s/^\([^ ]*\) \([^ ]*\) $series\$/\1: \2/p" "$file" | sed -n '1p;$p' | paste -sd' ' | sed 's/ \([0-9]*:\)/, \1/')
        row "growth, $series" "$ends $unit" "linear, constant <= 3 x" "$slopes <= 2 && $costs <= 3"
        verdicts+="- $series: the last slope is $slopes times the one before; one of the largest case costs $costs of what the smallest case costs for one"$'\n'
    done < <(cut -d' ' -f3- "$file" | awk '!seen[$0]++')
    section <<SECTION
### $title

![$title]($picture)

$(curve_table "$file" "$things" "$unit")

$verdicts
SECTION
}

# curve_table FILE THINGS UNIT: prints a line for each number, with a column for each series.
curve_table() {
    awk -v things="$2" -v unit="$3" '{
        name = $0
        sub(/^[^ ]+ [^ ]+ /, "", name)
        if (!(name in known)) { known[name]; series[++columns] = name }
        if (!($1 in seen)) { seen[$1]; numbers[++lines] = $1 }
        value[$1, name] = $2
    }
    END {
        printf "| %s |", things
        for (c = 1; c <= columns; c++) printf " %s, %s |", series[c], unit
        printf "\n|---|"
        for (c = 1; c <= columns; c++) printf "---|"
        for (l = 1; l <= lines; l++) {
            printf "\n| %s |", numbers[l]
            for (c = 1; c <= columns; c++) printf " %s |", value[numbers[l], series[c]]
        }
        print ""
    }' "$1"
}
