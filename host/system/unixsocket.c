/* SPDX-License-Identifier: MIT */
#include "host/system/unixsocket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"

static int bind_privately(int fd, const struct sockaddr_un *address)
{
    mode_t before = umask(077);
    int r = bind(fd, (const struct sockaddr *)address, sizeof *address) < 0 ? -errno : 0;
    (void)umask(before);
    return r;
}

int unixsocket_listen(const char *path, struct error *e)
{
    char *directory CLEANUP_FREE = xstrdup(path);
    char *slash = strrchr(directory, '/');
    if (!slash)
        return error_set(e, -EINVAL, "%s: a socket needs an absolute path", path);
    *slash = '\0';
    int at CLEANUP_CLOSE = open(*directory ? directory : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (at < 0)
        return error_errno(e, errno, "%s", directory);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length =
        snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", at, slash + 1);
    if (length < 0 || (size_t)length >= sizeof address.sun_path)
        return error_errno(e, ENAMETOOLONG, "%s", path);
    int fd CLEANUP_CLOSE = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    (void)unlinkat(at, slash + 1, 0);
    int r = fd < 0 ? -errno : bind_privately(fd, &address);
    if (r == 0 && listen(fd, 1) < 0)
        r = -errno;
    if (r < 0)
        return error_errno(e, -r, "%s: cannot listen there for QEMU", path);
    int opened = fd;
    fd = -1;
    return opened;
}
