# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Sourced: directories in the user's cache that are made once and are either whole or not there.
#
#   cached NAME COMMAND [ARGUMENT...]   prints the directory NAME of the cache. When it is not there,
#       COMMAND is run in an empty working directory and what it leaves in ./result becomes it.
#
# Two at once make it once. COMMAND's standard output goes to standard error.

cached() {
    local root=${XDG_CACHE_HOME:-$HOME/.cache}/run-vm
    local directory=$root/$1 lock
    shift
    if ! [ -d "$directory" ]; then
        # as run-vm makes it: one that a group can write to, whatever the umask, is refused
        [ -d "$root" ] || (umask 077 && mkdir -p "$root")
        exec {lock}>"$directory.lock"
        if ! flock --nonblock "$lock"; then
            echo "$(basename "$0"): waiting for another that makes $directory" >&2
            flock "$lock"
        fi
        if ! [ -d "$directory" ]; then
            cached_make "$directory" "$@" >&2
        fi
        exec {lock}>&-
    fi
    echo "$directory"
}

# Holding the lock: what is in the way was left by one that was killed.
cached_make() {
    local directory=$1 work=$1.new
    shift
    rm -rf "$work"
    mkdir "$work"
    # shellcheck disable=SC2064 # the directory as it is now
    trap "rm -rf '$work'" EXIT
    # Not followed by || or inside an if: that would switch `set -e` off in there.
    (
        cd "$work" || exit
        "$@"
    )
    mv "$work/result" "$directory"
    rm -rf "$work"
    trap - EXIT
}
