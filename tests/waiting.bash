# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Waiting for a condition, for the tests of both suites. On a busy machine no fixed time is long enough.

# until_true COMMAND...: repeats the command until it succeeds, within the time limit.
until_true() {
    local end=$((SECONDS + ${TIME_LIMIT:-300}))
    until "$@"; do
        if [ "$SECONDS" -ge "$end" ]; then
            echo "not within ${TIME_LIMIT:-300} s: $*"
            return 1
        fi
        sleep 0.1
    done
}

# while_runs PID COMMAND...: the same, but only while the process runs: its own time limit is the test's.
while_runs() {
    local pid=$1
    shift
    until "$@"; do
        if is_gone "$pid"; then
            "$@" # its last output counts
            return
        fi
        sleep 0.1
    done
}

# is_gone PID: the process has ended, and its files are closed, even if nobody has waited for it.
is_gone() {
    local state
    state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null)
    [[ ${state:-X} == [XZ] ]]
}
