/* SPDX-License-Identifier: MIT */
#include "init/inroot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"

int inroot_open(int root, const char *path, int flags, mode_t mode)
{
    const struct open_how how = {
        .flags = (unsigned)(flags | O_CLOEXEC),
        .mode = (flags & O_CREAT) ? mode : 0, /* else openat2() fails with EINVAL */
        .resolve = RESOLVE_IN_ROOT,
    };
    long fd;
    do
        fd = syscall(SYS_openat2, root, path, &how, sizeof how);
    while (fd < 0 && (errno == EAGAIN || errno == EINTR)); /* a rename raced with the lookup */
    return fd < 0 ? -errno : (int)fd;
}

/* Opens the parent of `path`, made if needed, and sets *name to the last part of `path`. */
static int make_parent(int root, const char *path, const char **name, mode_t mode)
{
    const char *slash = strrchr(path, '/');
    *name = slash ? slash + 1 : path;
    char *parent CLEANUP_FREE = xstrndup(path, slash ? (size_t)(slash - path) : 0);
    return inroot_make_directory(root, *parent ? parent : "/", mode);
}

int inroot_make_directory(int root, const char *path, mode_t mode)
{
    int fd = inroot_open(root, path, O_PATH | O_DIRECTORY, 0);
    if (fd != -ENOENT || streq(path, "/"))
        return fd;
    const char *name;
    int parent CLEANUP_CLOSE = make_parent(root, path, &name, mode);
    if (parent < 0)
        return parent;
    if (mkdirat(parent, name, mode) < 0 && errno != EEXIST)
        return -errno;
    return inroot_open(root, path, O_PATH | O_DIRECTORY, 0);
}

int inroot_make_file(int root, const char *path, mode_t mode)
{
    int fd = inroot_open(root, path, O_PATH, 0);
    if (fd != -ENOENT)
        return fd;
    const char *name;
    int parent CLEANUP_CLOSE = make_parent(root, path, &name, 0755);
    if (parent < 0)
        return parent;
    int file CLEANUP_CLOSE =
        openat(parent, name, O_CREAT | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, mode);
    if (file < 0)
        return -errno;
    return inroot_open(root, path, O_PATH, 0);
}

bool inroot_is_empty(int fd)
{
    int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = again < 0 ? NULL : fdopendir(again);
    bool empty = directory != NULL;
    for (const struct dirent *entry; empty && (entry = readdir(directory));)
        empty = streq(entry->d_name, ".") || streq(entry->d_name, "..");
    if (directory)
        (void)closedir(directory);
    else if (again >= 0)
        (void)close(again);
    return empty;
}

char *inroot_path(int fd)
{
    char link[32];
    char path[PATH_MAX];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    return length < 0 ? xstrdup(link) : xstrndup(path, (size_t)length);
}
