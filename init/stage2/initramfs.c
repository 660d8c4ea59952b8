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
    struct stat old_place;
    struct stat new_place;
    if (getpid() != 1)
        return error_set(e, -EPERM, "only PID 1 deletes an initramfs");
    if (fstatfs(fd, &fs) < 0 || fstat(fd, &old_place) < 0 || fstat(new_root, &new_place) < 0)
        return error_errno(e, errno, "looking at the initramfs");
    if (fs.f_type != RAMFS_MAGIC && fs.f_type != TMPFS_MAGIC)
        return error_set(e, -EPERM, "this is no initramfs: it is neither on ramfs nor on tmpfs");
    if (old_place.st_dev == new_place.st_dev)
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
    /* fails where something is mounted below, which is as it should be */
    int fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0)
        delete_below(fd, device);
    (void)unlinkat(directory, name, AT_REMOVEDIR);
}

/* Closes `directory`. What was opened is looked at again: only its own device number says that
 * it is still the directory that was meant. */
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
    /* an open file description of its own: the caller's keeps its position */
    int directory = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0)
        delete_below(directory, s.st_dev);
}
