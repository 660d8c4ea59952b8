/* SPDX-License-Identifier: MIT */
#include "host/system/submounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/magic.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"

/* True for an automount point: entering it mounts a filesystem, and may block. */
static bool is_automatic(const struct mntent *entry)
{
    return streq(entry->mnt_type, "autofs");
}

/* Appends the mounts below `directory`, as absolute paths; those of btrfs to `btrfs` as well. */
static void add_mounts(struct strv *paths, struct strv *btrfs, const char *directory)
{
    size_t length = !streq(directory, "/") ? strlen(directory) : 0;
    FILE *table CLEANUP_FCLOSE = setmntent("/proc/self/mounts", "re");
    /* one thread: NOLINTNEXTLINE(concurrency-mt-unsafe) */
    for (const struct mntent *entry; table && (entry = getmntent(table));) {
        const char *where = entry->mnt_dir;
        if (strncmp(where, directory, length) != 0 || where[length] != '/' || !where[length + 1] ||
            is_automatic(entry) || strv_contains(paths, where))
            continue;
        strv_push(paths, where);
        if (streq(entry->mnt_type, "btrfs"))
            strv_push(btrfs, where);
    }
}

/* Appends the subvolumes that the subvolume of `directory` contains below it, to both lists. The
 * kernel answers any user about directories that the user may search. */
static void add_subvolumes(struct strv *paths, struct strv *btrfs, const char *directory,
                           size_t limit)
{
    int fd CLEANUP_CLOSE = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct btrfs_ioctl_get_subvol_rootref_args children = {0};
    struct statfs fs;
    bool more = fd >= 0 && fstatfs(fd, &fs) == 0 && (unsigned int)fs.f_type == BTRFS_SUPER_MAGIC;
    while (more && paths->count <= limit) {
        int r = ioctl(fd, BTRFS_IOC_GET_SUBVOL_ROOTREF, &children);
        more = r < 0 && errno == EOVERFLOW; /* the next call returns those after these */
        for (size_t i = 0; (r == 0 || more) && i < children.num_items; i++) {
            struct btrfs_ioctl_ino_lookup_user_args child = {.dirid = children.rootref[i].dirid,
                                                             .treeid = children.rootref[i].treeid};
            if (ioctl(fd, BTRFS_IOC_INO_LOOKUP_USER, &child) < 0)
                continue; /* not below the directory */
            char *path CLEANUP_FREE = xasprintf("%s/%s%s", !streq(directory, "/") ? directory : "",
                                                child.path, child.name);
            if (!strv_contains(paths, path)) {
                strv_push(paths, path);
                strv_push(btrfs, path);
            }
        }
    }
}

bool submounts_list(struct strv *paths, const char *directory, size_t limit)
{
    char *real CLEANUP_FREE = realpath(directory, NULL);
    struct strv found CLEANUP_STRV = {0};
    struct strv btrfs CLEANUP_STRV = {0};
    size_t length = real && !streq(real, "/") ? strlen(real) : 0;
    if (!real)
        return true;
    strv_push(&btrfs, real);
    add_mounts(&found, &btrfs, real);
    for (size_t i = 0; i < btrfs.count && found.count <= limit; i++)
        add_subvolumes(&found, &btrfs, btrfs.items[i], limit);
    strv_sort(&found);
    for (size_t i = 0; i < found.count && i < limit; i++)
        strv_push(paths, found.items[i] + length);
    return found.count <= limit;
}
