/* SPDX-License-Identifier: MIT */
#include "init/mount/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/log.h"
#include "base/strv.h"
#include "base/text.h"
#include "init/inroot.h"

/* Bytes that overlayfs interprets in its options unless a backslash precedes them. */
#define SPECIAL ",:\\"

/* Returns the root that the layers' paths are inside: the new root, or the initramfs. */
static int base_of(const struct plan_mount *mount, int root)
{
    return mount->outside || streq(mount->where, "/") ? AT_FDCWD : root;
}

/* Renames the directory to the last part of `path`, in the directory that contains both. */
static int rename_beside(int root, const char *from, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = strrchr(from, '/');
    char *parent CLEANUP_FREE = xstrndup(path, (size_t)(slash - path));
    int fd CLEANUP_CLOSE = inroot_open(root, parent, O_PATH | O_DIRECTORY, 0);
    if (fd < 0)
        return fd;
    return renameat(fd, name + 1, fd, slash + 1) < 0 ? -errno : 0;
}

/* Keeps in sight what is in an upper layer of the former name: the directory is renamed. If there
 * is one of the new name too, that would lose either; so it becomes a lower layer, above the
 * others. */
static int keep_former(struct strv *layers, const struct plan_mount *mount, int root,
                       struct error *e)
{
    const char *former = mount->layers.former;
    const char *upper = mount->layers.upper;
    int fd CLEANUP_CLOSE = former ? inroot_open(root, former, O_PATH | O_DIRECTORY, 0) : -ENOENT;
    if (fd < 0)
        return fd == -ENOENT ? 0 : error_errno(e, -fd, "%s cannot be opened", former);
    int present CLEANUP_CLOSE = inroot_open(root, upper, O_PATH | O_DIRECTORY, 0);
    if (present >= 0) {
        if (!inroot_is_empty(fd))
            strv_push(layers, former);
        return 0;
    }
    int r = rename_beside(root, former, upper);
    if (r < 0)
        return error_errno(e, -r, "%s cannot be renamed to %s", former, upper);
    log_info("%s, the writable layer of the store, is called %s now", former, upper);
    return 0;
}

static int add_lower(struct strv *options, const struct plan_mount *mount, int root,
                     struct error *e)
{
    struct strv layers CLEANUP_STRV = {0};
    struct strv lower CLEANUP_STRV = {0};
    int r = keep_former(&layers, mount, root, e);
    if (r < 0)
        return r;
    strv_extend(&layers, &mount->layers.lower);
    for (size_t i = 0; i < layers.count; i++) {
        const char *layer = layers.items[i];
        int fd CLEANUP_CLOSE = inroot_open(base_of(mount, root), layer, O_PATH | O_DIRECTORY, 0);
        if (fd < 0)
            return error_errno(e, -fd, "the lower layer %s cannot be opened", layer);
        char *path CLEANUP_FREE = inroot_path(fd);
        strv_take(&lower, text_escape(path, SPECIAL, TEXT_BACKSLASH));
    }
    char *lowerdir CLEANUP_FREE = strv_join(&lower, ":");
    strv_pushf(options, "lowerdir=%s", lowerdir);
    return 0;
}

/* Returns the type of the filesystem of `fd`, which the caller frees; "" if it is unknown. Does not
 * use statfs(2), by which 9p reports the type of the host's filesystem. */
static char *filesystem_of(int fd)
{
    struct stat s;
    char *table CLEANUP_FREE = file_read("/proc/self/mountinfo", FILE_LIMIT, NULL, NULL);
    if (!table || fstat(fd, &s) < 0)
        return xstrdup("");
    char *device CLEANUP_FREE = xasprintf("%u:%u", major(s.st_dev), minor(s.st_dev));
    char *next = table;
    for (char *line; (line = strsep(&next, "\n"));) {
        char number[32];
        char type[64];
        const char *separator = strstr(line, " - ");
        if (separator && sscanf(line, "%*d %*d %31s", number) == 1 && streq(number, device) &&
            sscanf(separator + 3, "%63s", type) == 1)
            return xstrdup(type);
    }
    return xstrdup("");
}

/* Checks that the filesystem supports an upper layer, and adds the option it needs. overlayfs
 * stores its state in extended attributes "trusted.*": FUSE may not pass these to the host, and 9p
 * does not support them. */
static int check_filesystem(struct strv *options, int fd, const char *layer, struct error *e)
{
    char *type CLEANUP_FREE = filesystem_of(fd);
    if (streq(type, "9p"))
        return error_set(e, -ENOTSUP,
                         "the upper layer %s is on a 9p share, which cannot hold one: put it on a "
                         "tmpfs or a disk",
                         layer);
    if (streq(type, "virtiofs"))
        strv_push(options, "userxattr");
    return 0;
}

static int add_upper(struct strv *options, const struct plan_mount *mount, int root,
                     struct error *e)
{
    const struct {
        const char *name;
        const char *path;
    } layers[] = {{"upperdir", mount->layers.upper}, {"workdir", mount->layers.work}};
    for (size_t i = 0; i < ELEMENTS(layers); i++) {
        int fd CLEANUP_CLOSE = inroot_make_directory(base_of(mount, root), layers[i].path, 0755);
        if (fd < 0)
            return error_errno(e, -fd, "%s, the overlay's %s, cannot be created", layers[i].path,
                               layers[i].name);
        int r = i == 0 ? check_filesystem(options, fd, layers[i].path, e) : 0;
        if (r < 0)
            return r;
        char *path CLEANUP_FREE = inroot_path(fd);
        char *escaped CLEANUP_FREE = text_escape(path, SPECIAL, TEXT_BACKSLASH);
        strv_pushf(options, "%s=%s", layers[i].name, escaped);
    }
    return 0;
}

char *overlay_data(const struct plan_mount *mount, int root, struct error *e)
{
    struct strv options CLEANUP_STRV = {0};
    if (add_lower(&options, mount, root, e) < 0)
        return NULL;
    if (mount->layers.upper && add_upper(&options, mount, root, e) < 0)
        return NULL;
    if (*mount->options.data)
        strv_push(&options, mount->options.data);
    return strv_join(&options, ",");
}
