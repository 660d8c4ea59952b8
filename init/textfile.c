/* SPDX-License-Identifier: MIT */
#include "init/textfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"

/* /proc does not tell a file's size: read until the end. */
char *textfile_read(const char *path, struct error *e)
{
    int fd CLEANUP_CLOSE = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        (void)error_errno(e, errno, "opening %s", path);
        return NULL;
    }
    size_t size = 4096;
    size_t length = 0;
    char *text CLEANUP_FREE = xcalloc(size, 1);
    for (;;) {
        ssize_t n = read(fd, text + length, size - length - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            (void)error_errno(e, errno, "reading %s", path);
            return NULL;
        }
        length += (size_t)n;
        text[length] = '\0';
        if (n == 0)
            return TAKE(text);
        if (length + 1 == size)
            text = xreallocarray(text, size *= 2, 1);
    }
}

int textfile_write(const char *path, const char *text)
{
    int fd CLEANUP_CLOSE = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}
