/* SPDX-License-Identifier: MIT */
#include "host/system/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "host/system/process.h"

static bool closed; /* standard output was, by the caller */

void output_hold_streams(void)
{
    int fd;

    while ((fd = open("/dev/null", O_RDWR)) >= 0 && fd <= STDERR_FILENO)
        closed = closed || fd == STDOUT_FILENO;
    if (fd >= 0)
        (void)close(fd);
}

int output_finish(void)
{
    errno = 0;
    bool failed = fflush(stdout) != 0;
    /* what was printed before may have failed already, and nobody knows why any more */
    int number = closed ? EBADF : failed && errno ? errno : ferror(stdout) ? EIO : 0;

    if (!number)
        return 0;
    log_error("standard output: cannot be written%s%s: not all of it is there",
              number == EIO ? "" : ": ", number == EIO ? "" : strerror(number));
    return STATUS_IO;
}
