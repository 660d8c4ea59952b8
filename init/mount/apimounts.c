/* SPDX-License-Identifier: MIT */
#include "init/mount/apimounts.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"

struct api_mount {
    const char *where;
    const char *fstype;
    const char *options;
    unsigned long flags;
    mode_t mode;   /* of the directory to mount on */
    bool top;      /* moved into the root; the others move along with it */
    bool optional; /* the boot can continue without it */
};

/* The options are those of NixOS's stage 2, which mounts none of these if /proc/1 exists. */
static const struct api_mount api_mounts[] = {
    {"/proc", "proc", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV, 0555, .top = true},
    {"/sys", "sysfs", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV, 0555, .top = true},
    {"/dev", "devtmpfs", "mode=755,size=5%", MS_NOSUID | MS_STRICTATIME, 0755, .top = true},
    {"/dev/pts", "devpts", APIMOUNTS_PTS_OPTIONS APIMOUNTS_TTY_GROUP, MS_NOSUID | MS_NOEXEC, 0755,
     .optional = true},
    {"/dev/shm", "tmpfs", "mode=1777,size=50%", MS_NOSUID | MS_NODEV | MS_STRICTATIME, 0755,
     .optional = true},
    {"/run", "tmpfs", "mode=755,size=25%", MS_NOSUID | MS_NODEV | MS_STRICTATIME, 0755,
     .top = true},
    {"/run/keys", "ramfs", "mode=750", MS_NOSUID | MS_NODEV, 0750, .optional = true},
};

static int mount_api(const struct api_mount *api, struct error *e)
{
    if (mkdir(api->where, api->mode) < 0 && errno != EEXIST)
        return error_errno(e, errno, "%s: the directory cannot be created", api->where);
    /* EBUSY: mounted already, by the kernel or the program that started init */
    if (mount(api->fstype, api->where, api->fstype, api->flags, api->options) == 0 ||
        errno == EBUSY)
        return 0;
    return error_errno(e, errno, "mounting %s on %s", api->fstype, api->where);
}

int apimounts_mount(struct error *e)
{
    (void)umask(022);
    if (chdir("/") < 0) /* another program may have started init elsewhere */
        return error_errno(e, errno, "/: cannot become the current directory");
    for (size_t i = 0; i < ELEMENTS(api_mounts); i++) {
        struct error problem CLEANUP_ERROR = {0};
        int r = mount_api(&api_mounts[i], &problem);
        if (r == 0)
            continue;
        if (!api_mounts[i].optional)
            return error_set(e, r, "%s", problem.message);
        log_warning("%s", problem.message);
    }
    return 0;
}

/* True if `path` is a mount point. Compares device numbers, which is sufficient: no API filesystem
 * is a bind mount from the root. */
static bool has_mount(const char *root, const char *path)
{
    struct stat outer;
    struct stat inner;
    return stat(root, &outer) == 0 && stat(path, &inner) == 0 && outer.st_dev != inner.st_dev;
}

static int move_api(const struct api_mount *api, const char *root, struct error *e)
{
    char *target CLEANUP_FREE = xasprintf("%s%s", root, api->where);
    if (mkdir(target, api->mode) < 0 && errno != EEXIST)
        return error_errno(e, errno,
                           "%s: the directory cannot be created in the root, to move %s there",
                           api->where, api->fstype);
    if (has_mount(root, target)) {
        (void)umount2(api->where, MNT_DETACH);
        return 0;
    }
    if (mount(api->where, target, NULL, MS_MOVE, NULL) < 0)
        return error_errno(e, errno, "moving %s into the root", api->where);
    return 0;
}

int apimounts_move(const char *root, struct error *e)
{
    for (size_t i = 0; i < ELEMENTS(api_mounts); i++) {
        int r = api_mounts[i].top ? move_api(&api_mounts[i], root, e) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}
