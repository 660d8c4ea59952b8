/* SPDX-License-Identifier: MIT */
#include "host/run/consolelog.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"

/* Time between two looks, in milliseconds: a serial line brings a few MiB in it. */
#define INTERVAL 5000

/* The unit of stat.st_blocks. */
#define BLOCK 512

/* A filesystem frees whole blocks of its own, which are no larger than this. */
#define ALIGNMENT (64 << 10)

/* Returns the descriptor; -1: it is not a file that run-vm may cut. */
static int open_own(const char *path)
{
    struct stat s;
    int fd CLEANUP_CLOSE = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    bool own = fd >= 0 && fstat(fd, &s) == 0 && S_ISREG(s.st_mode) && s.st_uid == geteuid();
    return own ? TAKE_FD(fd) : -1;
}

struct consolelog consolelog_open(const char *path)
{
    return (struct consolelog){.fd = path ? open_own(path) : -1,
                               .next = clock_milliseconds() + INTERVAL};
}

void consolelog_attend(struct consolelog *log)
{
    struct stat s;
    if (consolelog_left(log) != 0)
        return;
    log->next = clock_milliseconds() + INTERVAL;
    if (fstat(log->fd, &s) < 0 || s.st_blocks <= CONSOLELOG_MOST / BLOCK)
        return;
    off_t gone = (s.st_size - CONSOLELOG_KEPT) / ALIGNMENT * ALIGNMENT;
    if (gone <= 0 || fallocate(log->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, gone) == 0)
        return;
    log_warning("the console's log has no limit, since its filesystem cannot free a part of it");
    consolelog_close(log);
}

int consolelog_left(const struct consolelog *log)
{
    return log->fd < 0 ? -1 : clock_left(log->next);
}

void consolelog_close(struct consolelog *log)
{
    cleanup_close(&log->fd);
}
