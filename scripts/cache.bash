# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Sourced. Makes directories in the user's cache, each once; a directory is either complete or absent.
#
#   cached NAME COMMAND [ARGUMENT...]   prints the path of the directory NAME in the cache. If it does
#       not exist, runs COMMAND in an empty working directory and renames its ./result to NAME.
#
# Concurrent callers wait for the first. COMMAND's standard output goes to standard error.

cached() {
    local root=${XDG_CACHE_HOME:-$HOME/.cache}/run-vm
    local directory=$root/$1 lock
    shift
    if ! [ -d "$directory" ]; then
        # mode 0700 whatever the umask: run-vm refuses a cache that a group can write to
        [ -d "$root" ] || (umask 077 && mkdir -p "$root")
        exec {lock}>"$directory.lock"
        if ! flock --nonblock "$lock"; then
            echo "$(basename "$0"): waiting for another process that makes $directory" >&2
            flock "$lock"
        fi
        if ! [ -d "$directory" ]; then
            cached_make "$directory" "$@" >&2
        fi
        exec {lock}>&-
    fi
    echo "$directory"
}

# Called with the lock held. $work can exist only if an earlier process was killed.
cached_make() {
    local directory=$1 work=$1.new
    shift
    rm -rf "$work"
    mkdir "$work"
    # shellcheck disable=SC2064 # expands now, since $work is local
    trap "rm -rf '$work'" EXIT
    # Neither followed by || nor inside an if, which would switch `set -e` off in the subshell.
    (
        cd "$work" || exit
        "$@"
    )
    mv "$work/result" "$directory"
    rm -rf "$work"
    trap - EXIT
}
