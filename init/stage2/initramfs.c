/* SPDX-License-Identifier: MIT */
#include "init/stage2/initramfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/text.h"

int initramfs_check(int fd, int new_root, struct error *e)
{
    struct statfs fs;
    struct stat old;
    struct stat new;
    if (getpid() != 1)
        return error_set(e, -EPERM, "only PID 1 deletes an initramfs");
    if (fstatfs(fd, &fs) < 0 || fstat(fd, &old) < 0 || fstat(new_root, &new) < 0)
        return error_errno(e, errno, "the initramfs cannot be examined");
    if (fs.f_type != RAMFS_MAGIC && fs.f_type != TMPFS_MAGIC)
        return error_set(e, -EPERM,
                         "/ is not an initramfs: it is neither on a ramfs nor on a tmpfs");
    if (old.st_dev == new.st_dev)
        return error_set(e, -EPERM, "the root is on the filesystem of the initramfs");
    return 0;
}

static void delete_below(int directory, dev_t device);

static void delete_entry(int directory, const char *name, dev_t device)
{
    struct stat s;
    if (fstatat(directory, name, &s, AT_SYMLINK_NOFOLLOW) < 0 || s.st_dev != device)
        return;
    if (!S_ISDIR(s.st_mode)) {
        (void)unlinkat(directory, name, 0);
        return;
    }
    int fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0)
        delete_below(fd, device);
    (void)unlinkat(directory, name, AT_REMOVEDIR); /* fails if something is mounted below */
}

/* Deletes the content of `directory`, and closes it. Compares the device number again: since it was
 * first read, something may have been mounted there. */
static void delete_below(int directory, dev_t device)
{
    struct stat s;
    DIR *d = fstat(directory, &s) == 0 && s.st_dev == device ? fdopendir(directory) : NULL;
    if (!d) {
        (void)close(directory);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(d));)
        if (!streq(entry->d_name, ".") && !streq(entry->d_name, ".."))
            delete_entry(dirfd(d), entry->d_name, device);
    (void)closedir(d);
}

void initramfs_delete(int fd)
{
    struct stat s;
    if (fstat(fd, &s) < 0)
        return;
    /* a new open file description: the position of the caller's is kept */
    int directory = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0)
        delete_below(directory, s.st_dev);
}
