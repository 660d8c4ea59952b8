# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Waiting for a condition, for the tests of both suites. On a busy machine no fixed time is long enough.

# until_true COMMAND...: repeats the command until it succeeds, within the time limit.
until_true() {
    local begin=$SECONDS
    until "$@"; do
        if [ $((SECONDS - begin)) -ge "${TIME_LIMIT:-300}" ]; then
            echo "not within ${TIME_LIMIT:-300} s: $*"
            return 1
        fi
        pause "$begin"
    done
}

# while_runs PID COMMAND...: the same, but only while the process runs: its own time limit is the test's.
while_runs() {
    local pid=$1 begin=$SECONDS
    shift
    until "$@"; do
        if is_gone "$pid"; then
            "$@" # its last output counts
            return
        fi
        pause "$begin"
    done
}

# pause BEGIN: sleeps between two looks, longer once the wait has lasted, because the looks take processor
# time from what is waited for.
pause() {
    sleep "0.$((SECONDS - $1 < 2 ? 1 : 3))"
}

# is_gone PID: the process has ended, and its files are closed, even if nobody has waited for it.
is_gone() {
    local stat
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
    [[ ${stat##*) } == [XZ]* ]]
}
