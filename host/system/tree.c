/* SPDX-License-Identifier: MIT */
#include "host/system/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/alloc.h"
#include "base/text.h"

/* Makes the directory and its missing parents. */
static int make_with_parents(const char *path, mode_t mode, struct error *e)
{
    char *partial CLEANUP_FREE = xstrdup(path);
    for (char *p = partial + 1;; p++) {
        if (*p && *p != '/')
            continue;
        bool last = !*p;
        *p = '\0';
        if (mkdir(partial, last ? mode : 0777) < 0 && errno != EEXIST)
            return error_errno(e, errno, "%s: cannot make the directory", partial);
        if (last)
            return 0;
        *p = '/';
    }
}

int tree_make(const char *path, mode_t mode, struct error *e)
{
    /* usually only the last one is missing, if any */
    if (mkdir(path, mode) == 0)
        return 0;
    int r = errno == EEXIST ? 0 : make_with_parents(path, mode, e);
    if (r < 0)
        return r;
    struct stat st;
    if (stat(path, &st) < 0)
        return error_errno(e, errno, "%s", path);
    return S_ISDIR(st.st_mode) ? 0 : error_errno(e, ENOTDIR, "%s", path);
}

/* Opens a directory in `at`, unless it is a link or on another mount. */
static int open_inside(int at, const char *name)
{
    struct open_how how = {
        .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
        .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH,
    };
    int fd = (int)syscall(SYS_openat2, at, name, &how, sizeof how);
    if (fd >= 0 || errno != ENOSYS)
        return fd;
    /* before Linux 5.6: recognizes only mounts of other filesystems */
    struct stat above;
    struct stat below;
    fd = openat(at, name, (int)how.flags);
    if (fd >= 0 &&
        (fstat(at, &above) < 0 || fstat(fd, &below) < 0 || above.st_dev != below.st_dev)) {
        (void)close(fd);
        errno = EXDEV;
        return -1;
    }
    return fd;
}

/* Directories nested deeper than this are moved to the top before they are emptied: each level
 * takes descriptors and stack, and a guest can nest any number. */
#define DEPTH_MAX 64

struct removal {
    int top;
    unsigned int depth;  /* of the directory being emptied, below the top */
    unsigned long moved; /* directories moved to the top so far */
};

static int empty(struct removal *removal, int directory, const char *path, struct error *e);

/* Moves the directory to the top directory, under an unused name. The top is emptied once more
 * then. */
static int move_up(struct removal *removal, int at, const char *name)
{
    char other[64];
    /* only a directory is moved, and it must be writable for that */
    int directory CLEANUP_CLOSE = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (directory < 0)
        return -errno;
    (void)!fchmodat(at, name, 0700, 0);
    do
        (void)snprintf(other, sizeof other, "run-vm-moved-%lu", removal->moved++);
    while (faccessat(removal->top, other, F_OK, AT_SYMLINK_NOFOLLOW) == 0);
    return renameat(at, name, removal->top, other) < 0 ? -errno : 0;
}

static int remove_entry(struct removal *removal, int at, const char *name, const char *path,
                        struct error *e)
{
    if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return error_errno(e, errno, "%s/%s: cannot be removed", path, name);
    if (removal->depth >= DEPTH_MAX && move_up(removal, at, name) == 0)
        return 0;
    int inside CLEANUP_CLOSE = open_inside(at, name);
    if (inside < 0 && errno == EACCES && fchmodat(at, name, 0700, 0) == 0)
        inside = open_inside(at, name);
    if (inside < 0 && errno == EXDEV)
        return error_set(e, -EXDEV,
                         "%s/%s: not removed: a filesystem is mounted there; unmount it first",
                         path, name);
    if (inside < 0)
        return error_errno(e, errno, "%s/%s: cannot be removed", path, name);
    char *below CLEANUP_FREE = xasprintf("%s/%s", path, name);
    removal->depth++;
    int r = empty(removal, inside, below, e);
    removal->depth--;
    if (r == 0 && unlinkat(at, name, AT_REMOVEDIR) < 0)
        return error_errno(e, errno, "%s: cannot be removed", below);
    return r;
}

/* Removes everything that can be removed. Returns the first failure. */
static int empty(struct removal *removal, int directory, const char *path, struct error *e)
{
    /* without write permission not even the owner can remove its entries */
    (void)fchmod(directory, 0700);
    int copy = fcntl(directory, F_DUPFD_CLOEXEC, 0);
    DIR *stream = copy < 0 ? NULL : fdopendir(copy);
    if (!stream) {
        int number = errno;
        cleanup_close(&copy);
        return error_errno(e, number, "%s: cannot be read", path);
    }
    rewinddir(stream); /* the copy shares its position with earlier ones */
    int result = 0;
    for (const struct dirent *entry; (entry = readdir(stream));) {
        if (streq(entry->d_name, ".") || streq(entry->d_name, ".."))
            continue;
        int r = remove_entry(removal, directory, entry->d_name, path, result ? NULL : e);
        result = result ? result : r;
    }
    (void)closedir(stream);
    return result;
}

int tree_remove(const char *path, struct error *e)
{
    int fd CLEANUP_CLOSE = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : error_errno(e, errno, "%s: cannot be removed", path);
    struct removal removal = {.top = fd};
    unsigned long moved;
    int r;
    do {
        moved = removal.moved;
        if (e)
            error_free(e);
        r = empty(&removal, fd, path, e);
    } while (removal.moved != moved);
    if (r == 0 && rmdir(path) < 0)
        return error_errno(e, errno, "%s: cannot be removed", path);
    return r;
}
