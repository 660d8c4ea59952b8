/* SPDX-License-Identifier: MIT */
#include "init/mount/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "common/mountspec.h"
#include "common/report.h"
#include "init/format/grow.h"
#include "init/format/makefs.h"
#include "init/inroot.h"
#include "init/mount/mountdevice.h"
#include "init/mount/overlay.h"
#include "init/mount/sharetags.h"
#include "init/report.h"

/* mount(2) truncates longer data to one page. */
#define MOUNT_DATA_SIZE 4096

/* Arguments of one mount(2). */
struct call {
    char *source; /* owned */
    char *fstype; /* owned, NULL for a bind */
    char *data;   /* owned */
    int target;   /* O_PATH */
    bool file;    /* the source is not a directory */
};

#define CLEANUP_CALL CLEANUP(free_call)

static void free_call(struct call *call)
{
    free(call->source);
    free(call->fstype);
    free(call->data);
    cleanup_close(&call->target);
}

/* Lists the specifications of missing devices, except those of mounts with "nofail". */
static void find_missing(struct mounter *mounter, const struct boot_plan *plan,
                         struct strv *missing)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_mount *mount = &plan->mounts[i];
        if (mount->source == PLAN_DEVICE && !mount->options.nofail)
            mountdevice_missing(mounter->devices, mount, missing);
    }
}

/* True if a device is mounted at all: without one they need not be listed. */
static bool uses_devices(const struct boot_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->mounts[i].source == PLAN_DEVICE)
            return true;
    return false;
}

int mount_wait_for_devices(struct mounter *mounter, const struct boot_plan *plan, uint64_t timeout,
                           struct error *e)
{
    if (!uses_devices(plan))
        return 0;
    int64_t start = clock_milliseconds();
    for (bool waiting = true;;) {
        struct strv missing CLEANUP_STRV = {0};
        if (mounter->hotplug->block) {
            mounter->hotplug->block = false;
            int r = device_list_refresh(mounter->devices, e);
            if (r < 0)
                return r;
        }
        find_missing(mounter, plan, &missing);
        if (missing.count == 0)
            return 0;
        char *names CLEANUP_FREE = strv_join(&missing, ", ");
        if (!waiting) {
            char *present CLEANUP_FREE = device_list_describe(mounter->devices);
            return error_set(e, -ENODEV,
                             "%s: no such block device appeared within %llu s; there are:\n%s",
                             names, (unsigned long long)timeout, present);
        }
        log_debug("waiting for %s", names);
        report_mark(REPORT_PART, "wait", names);
        waiting = hotplug_wait(mounter->hotplug, start + (int64_t)timeout * 1000);
    }
}

/* x-systemd.makefs: makes a filesystem, with the label by which it is to be found, on a blank
 * device, and sets the device's probe result. */
static int make_filesystem(struct device *device, const struct plan_mount *mount,
                           const struct strv *stamps, struct error *e)
{
    if (mount->fstype && !streq(mount->fstype, "ext4"))
        return error_set(e, -ENOTSUP, "only ext4 can be made on a blank device, not %s",
                         mount->fstype);
    char *label CLEANUP_FREE = mountdevice_label(mount);
    int r = makefs_if_blank(device->path, label, stamps, &device->probe, e);
    if (r < 0)
        return r;
    device->probed = true;
    if (label && !device->probe.label)
        log_warning("%s has no label: it is mounted because x-run-vm.disk names it; \"e2label %s "
                    "%s\" in the guest gives it the label",
                    device->path, device->path, label);
    if (r > 0)
        log_info("%s was blank: it has an ext4 filesystem now", device->path);
    return 0;
}

static int find_type(struct device *device, struct call *call, struct error *e)
{
    int r = device_probe(device, e);
    if (r < 0)
        return r;
    if (!probe_is_filesystem(&device->probe)) {
        char *what CLEANUP_FREE = probe_describe(&device->probe);
        return error_set(e, -EUCLEAN, "holds no filesystem that can be mounted: %s", what);
    }
    call->fstype = xstrdup(device->probe.type);
    return 0;
}

static int prepare_device(struct mounter *mounter, const struct plan_mount *mount,
                          struct call *call, struct error *e)
{
    struct device *device = mountdevice_find(mounter->devices, mount);
    if (!device)
        return error_set(e, -ENODEV, "there is no such block device");
    call->source = xstrdup(device->path);
    int r = mount->options.makefs ? make_filesystem(device, mount, mounter->stamps, e) : 0;
    if (r < 0)
        return r;
    if (mount->fstype && !mount->options.makefs) {
        call->fstype = xstrdup(mount->fstype);
        return 0;
    }
    return find_type(device, call, e);
}

static int prepare_bind(struct mounter *mounter, const struct plan_mount *mount, struct call *call,
                        struct error *e)
{
    int fd CLEANUP_CLOSE = inroot_open(mounter->root, mount->what, O_PATH, 0);
    if (fd < 0)
        return error_errno(e, -fd, "%s", mount->what);
    struct stat s;
    call->file = fstat(fd, &s) == 0 && !S_ISDIR(s.st_mode);
    call->source = inroot_path(fd);
    return 0;
}

static int prepare(struct mounter *mounter, const struct plan_mount *mount, struct call *call,
                   struct error *e)
{
    switch (mount->source) {
    case PLAN_DEVICE:
        return prepare_device(mounter, mount, call, e);
    case PLAN_BIND:
        return prepare_bind(mounter, mount, call, e);
    case PLAN_OVERLAY:
        free(call->data);
        call->data = overlay_data(mount, mounter->root, e);
        if (!call->data)
            return -EINVAL;
        break;
    case PLAN_NAME:
        break;
    }
    call->source = xstrdup(mount->what);
    call->fstype = xstrdup(mount->fstype);
    return 0;
}

/* Opens the mount point, and creates it if it is missing: a directory, or a file to bind a file on.
 */
static int open_target(struct mounter *mounter, const struct plan_mount *mount,
                       const struct call *call)
{
    if (streq(mount->where, "/"))
        return inroot_make_directory(AT_FDCWD, MOUNT_ROOT, 0755);
    if (mount->outside)
        return inroot_make_directory(AT_FDCWD, mount->where, 0755);
    if (call->file)
        return inroot_make_file(mounter->root, mount->where, 0644);
    return inroot_make_directory(mounter->root, mount->where, 0755);
}

static int call_mount(const struct call *call, unsigned long flags)
{
    if (strlen(call->data) >= MOUNT_DATA_SIZE)
        return -E2BIG;
    char *target CLEANUP_FREE = xasprintf("/proc/self/fd/%d", call->target);
    return mount(call->source, target, call->fstype, flags, call->data) < 0 ? -errno : 0;
}

/* Sets the message for an error of mount(2) by the type of the filesystem. */
static int explain(const struct call *call, int r, struct error *e)
{
    const char *type = call->fstype ? call->fstype : "bind";
    if (r == -ENODEV)
        return error_set(
            e, r, "the kernel has no filesystem \"%s\", and the initrd no module for it", type);
    char *tags CLEANUP_FREE = sharetags_describe(type);
    if ((r == -ENOENT || r == -EINVAL) && tags)
        return error_set(
            e, r,
            "%s: no %s share has this tag, or it does not support an option; available "
            "tags: %s",
            strerror(-r), type, tags);
    return error_errno(e, -r, "mounting as %s%s%s%s", type, *call->data ? " with \"" : "",
                       call->data, *call->data ? "\"" : "");
}

/* Changes the flags or propagation of the existing mount at `target`. */
static int change_mount(int target, unsigned long flags)
{
    char *path CLEANUP_FREE = xasprintf("/proc/self/fd/%d", target);
    return mount(NULL, path, NULL, flags, NULL) < 0 ? -errno : 0;
}

/* Sets the flags of a bind mount by a second call: mount(2) ignores them in the first one. */
static int finish_bind(const struct plan_mount *mount, int target)
{
    unsigned long flags = mount->options.flags & ~(unsigned long)MS_REC;
    return flags == MS_BIND ? 0 : change_mount(target, flags | MS_REMOUNT);
}

/* Opens the mount point again, which is now the root of the new mount. */
static int open_mounted(struct mounter *mounter, const struct plan_mount *mount)
{
    if (streq(mount->where, "/"))
        return open(MOUNT_ROOT, O_PATH | O_CLOEXEC);
    if (mount->outside)
        return open(mount->where, O_PATH | O_CLOEXEC);
    return inroot_open(mounter->root, mount->where, O_PATH, 0);
}

static int grow(const struct plan_mount *mount, int target, struct error *e)
{
    if (!mount->options.growfs)
        return 0;
    char *path CLEANUP_FREE = inroot_path(target);
    int r = grow_mounted(path, e);
    if (r > 0)
        log_info("the filesystem on %s has grown to the size of its device", mount->where);
    return r < 0 ? r : 0;
}

static int finish(struct mounter *mounter, const struct plan_mount *mount, struct error *e)
{
    bool bind = mount->source == PLAN_BIND;
    if (!bind && !mount->options.propagation && !mount->options.growfs)
        return 0;
    int target CLEANUP_CLOSE = open_mounted(mounter, mount);
    if (target < 0)
        return error_errno(e, errno, "the new mount cannot be opened");
    int r = bind ? finish_bind(mount, target) : 0;
    if (r == 0 && mount->options.propagation)
        r = change_mount(target, mount->options.propagation);
    if (r < 0)
        return error_errno(e, -r, "the flags of the mount cannot be changed");
    return grow(mount, target, e);
}

/* Opens the root, in which all later mounts are made. */
static int enter_root(struct mounter *mounter, const struct plan_mount *mount, struct error *e)
{
    if (!streq(mount->where, "/"))
        return 0;
    mounter->root = open_mounted(mounter, mount);
    return mounter->root < 0 ? error_errno(e, errno, "the root cannot be opened") : 0;
}

static int mount_one(struct mounter *mounter, const struct plan_mount *mount, struct error *e)
{
    struct call call CLEANUP_CALL = {.target = -1, .data = mount_unescape(mount->options.data)};
    int r = prepare(mounter, mount, &call, e);
    if (r < 0)
        return r;
    if (call.fstype)
        modules_load_filesystem(mounter->modules, call.fstype);
    call.target = open_target(mounter, mount, &call);
    if (call.target < 0)
        return error_errno(e, -call.target, "the mount point cannot be created");
    if (mount->options.if_empty && !inroot_is_empty(call.target)) {
        log_debug("%s is not empty: %s is not mounted there", mount->where, mount->what);
        return 0;
    }
    unsigned long flags = mount->options.flags;
    if (mount->source == PLAN_BIND)
        flags &= MS_BIND | MS_REC;
    r = call_mount(&call, flags);
    if ((r == -EACCES || r == -EROFS) && mount->source == PLAN_DEVICE && !(flags & MS_RDONLY)) {
        log_warning("%s cannot be written: mounting it read-only", call.source);
        r = call_mount(&call, flags | MS_RDONLY);
    }
    if (r < 0)
        return explain(&call, r, e);
    log_debug("mounted %s on %s (%s)", call.source, mount->where,
              call.fstype ? call.fstype : "bind");
    r = enter_root(mounter, mount, e);
    return r < 0 ? r : finish(mounter, mount, e);
}

/* Unmounts the layers of the root overlay, which keeps them in use, from the initramfs. */
static void detach_outside(const struct boot_plan *plan)
{
    for (size_t i = plan->count; i-- > 0;)
        if (plan->mounts[i].outside && umount2(plan->mounts[i].where, MNT_DETACH) == 0)
            (void)rmdir(plan->mounts[i].where);
}

int mount_all(struct mounter *mounter, const struct boot_plan *plan, struct error *e)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_mount *mount = &plan->mounts[i];
        struct error problem CLEANUP_ERROR = {0};
        report_mark(REPORT_PART, "mount", mount->where);
        int r = mount_one(mounter, mount, &problem);
        if (r == 0)
            continue;
        if (!mount->options.nofail)
            return error_set(e, r, "mounting %s on %s: %s", mount->what, mount->where,
                             problem.message);
        log_warning("%s on %s is left out (nofail): %s", mount->what, mount->where,
                    problem.message);
    }
    detach_outside(plan);
    return 0;
}
