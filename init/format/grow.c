/* SPDX-License-Identifier: MIT */
#include "init/format/grow.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include "base/alloc.h"

/* Sets the number of blocks; from the kernel's fs/ext4/ext4.h, which is not exported. */
#define EXT4_IOC_RESIZE_FS _IOW('f', 16, uint64_t)

/* Returns the size of a block device in bytes by /sys, 0 if it is unknown. */
static uint64_t device_size(dev_t device)
{
    char *path CLEANUP_FREE = xasprintf("/sys/dev/block/%u:%u/size", major(device), minor(device));
    FILE *file CLEANUP_FCLOSE = fopen(path, "re");
    unsigned long long sectors = 0;
    if (!file || fscanf(file, "%llu", &sectors) != 1)
        return 0;
    return (uint64_t)sectors * 512;
}

int grow_mounted(const char *where, struct error *e)
{
    struct statfs before;
    struct stat st;
    int fd CLEANUP_CLOSE = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0 || fstatfs(fd, &before) < 0)
        return error_errno(e, errno, "%s: cannot be grown", where);
    if (before.f_type != EXT4_SUPER_MAGIC)
        return error_set(e, -EOPNOTSUPP, "%s: cannot be grown: it is not an ext4 filesystem",
                         where);
    uint64_t size = device_size(st.st_dev);
    if (!size)
        return error_set(e, -ENODEV, "%s: cannot be grown: the size of its device %u:%u is unknown",
                         where, major(st.st_dev), minor(st.st_dev));

    /* returns 0 also if the filesystem cannot grow any more */
    uint64_t blocks = size / (uint64_t)before.f_bsize;
    if (ioctl(fd, EXT4_IOC_RESIZE_FS, &blocks) < 0)
        return error_errno(e, errno, "%s: cannot be grown to the %llu bytes of its device", where,
                           (unsigned long long)size);
    struct statfs after;
    if (fstatfs(fd, &after) < 0)
        return error_errno(e, errno, "%s", where);
    return after.f_blocks > before.f_blocks;
}
