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
#include "base/text.h"
#include "host/system/path.h"

static int bind_privately(int fd, const struct sockaddr_un *address)
{
    mode_t before = umask(077);
    int r = bind(fd, (const struct sockaddr *)address, sizeof *address) < 0 ? -errno : 0;
    (void)umask(before);
    return r;
}

/* Sets an address for `path` by way of a descriptor of its directory, since an address holds 108
 * bytes and a path may have more. Returns the descriptor, which must stay open while the address is
 * in use, or a negative errno. */
static int set_address(struct sockaddr_un *address, const char *path)
{
    char *directory CLEANUP_FREE = path_directory(path);
    int at CLEANUP_CLOSE = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (at < 0)
        return -errno;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    int length = snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%s", at,
                          text_after_last(path, '/'));
    if (length < 0 || (size_t)length >= sizeof address->sun_path)
        return -ENAMETOOLONG;
    return TAKE_FD(at);
}

static int open_socket(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return fd < 0 ? -errno : fd;
}

int unixsocket_listen(const char *path, struct error *e)
{
    struct sockaddr_un address;
    int at CLEANUP_CLOSE = set_address(&address, path);
    if (at < 0)
        return error_errno(e, -at, "%s", path);
    int fd CLEANUP_CLOSE = open_socket();
    (void)unlinkat(at, text_after_last(path, '/'), 0);
    int r = fd < 0 ? fd : bind_privately(fd, &address);
    if (r == 0 && listen(fd, 1) < 0)
        r = -errno;
    if (r < 0)
        return error_errno(e, -r, "%s: cannot listen there for QEMU", path);
    return TAKE_FD(fd);
}

int unixsocket_connect(const char *path)
{
    struct sockaddr_un address;
    int at CLEANUP_CLOSE = set_address(&address, path);
    if (at < 0)
        return at;
    int fd CLEANUP_CLOSE = open_socket();
    if (fd < 0)
        return fd;
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0)
        return -errno;
    return TAKE_FD(fd);
}
