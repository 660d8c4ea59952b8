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

static bool closed; /* the caller has closed standard output */

void output_hold_streams(void)
{
    int fd;
    while ((fd = open("/dev/null", O_RDWR)) >= 0 && fd <= STDERR_FILENO)
        closed = closed || fd == STDOUT_FILENO;
    cleanup_close(&fd);
}

int output_finish(void)
{
    errno = 0;
    bool failed = fflush(stdout) != 0;
    /* an earlier write may have failed, with an errno that is lost by now */
    int number = closed ? EBADF : failed && errno ? errno : ferror(stdout) ? EIO : 0;
    if (!number)
        return 0;
    log_error("standard output: cannot be written%s%s: it is incomplete", number == EIO ? "" : ": ",
              number == EIO ? "" : strerror(number));
    return STATUS_IO;
}
