#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# Every system call of a start fails, in turn: see faults.bash.
# shellcheck disable=SC2030,SC2031,SC2154

bats_require_minimum_version 1.5.0

load faults

# The calls that fail, and their errors.
errors=(
    write:ENOSPC openat:ENOSPC openat:EMFILE mkdir:ENOSPC rename:EIO renameat2:EIO fsync:EIO
    symlink:ENOSPC copy_file_range:ENOSPC copy_file_range:EXDEV flock:ENOLCK fcntl:ENOLCK
    unlink:EIO newfstatat:EIO read:EIO pipe2:EMFILE vfork:EAGAIN clone:EAGAIN getdents64:EIO
    lseek:EIO access:EACCES ftruncate:ENOSPC pwrite64:ENOSPC mmap:ENOMEM
    readlink:EINVAL pidfd_open:EMFILE
)

@test "each system call of a start fails once" {
    prepare_campaign
    at=1
    for error in "${errors[@]}"; do
        call=${error%:*}
        count=$(count_of "$call")
        for (( ; at <= ${count:-0}; at += STEP)); do
            inject "$call" "error=${error#*:}" "$at"
        done
        at=$((at - ${count:-0}))
    done
    echo "# host faults, failing system calls: $cases cases, $failures failures" >&3
    [ "$failures" = 0 ]
}
