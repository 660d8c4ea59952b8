/* SPDX-License-Identifier: MIT */
#include "init/nix/nixreadlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/cleanup.h"

/* The bytes that SQLite locks: one pending, one reserved and 510 shared ones from 1 GiB on
 * (https://www.sqlite.org/src/file?name=src/os.h). A process that has a database in WAL mode open
 * has a shared lock. */
enum { LOCKS_AT = 0x40000000, LOCKS_LENGTH = 512 };

static bool has_bytes(const char *file, const char *suffix)
{
    char *name CLEANUP_FREE = xasprintf("%s%s", file, suffix);
    struct stat st;
    return stat(name, &st) == 0 ? st.st_size > 0 : errno != ENOENT;
}

int nixreadlock_take(const char *file)
{
    bool writable = true;
    int fd = open(file, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        writable = false;
        fd = open(file, O_RDONLY | O_CLOEXEC);
    }
    struct flock lock = {
        .l_type = (short)(writable ? F_WRLCK : F_RDLCK),
        .l_whence = SEEK_SET,
        .l_start = LOCKS_AT,
        .l_len = LOCKS_LENGTH,
    };
    if (fd < 0 || fcntl(fd, F_SETLK, &lock) < 0 || has_bytes(file, "-wal") ||
        has_bytes(file, "-journal")) {
        cleanup_close(&fd);
        return -1;
    }
    return fd;
}
