/* SPDX-License-Identifier: MIT */
#include "init/mount/mountdevice.h"

#include "base/alloc.h"
#include "base/text.h"
#include "init/plan/devicespec.h"

static struct device *find(struct device_list *devices, const char *text)
{
    struct devicespec spec CLEANUP_DEVICESPEC = {0};
    return devicespec_parse(text, &spec, NULL) < 0 ? NULL : device_list_find(devices, &spec);
}

char *mountdevice_label(const struct plan_mount *mount)
{
    struct devicespec spec CLEANUP_DEVICESPEC = {0};
    if (devicespec_parse(mount->what, &spec, NULL) < 0 || spec.key != DEVICESPEC_LABEL)
        return NULL;
    return TAKE(spec.value);
}

/* Returns the filesystem with that label on the disk or one of its partitions, or NULL. */
static struct device *labelled_on(struct device_list *devices, const struct device *disk,
                                  const char *label)
{
    for (size_t i = 0; i < devices->count; i++) {
        struct device *d = devices->items[i];
        if ((d == disk || d->disk == disk) && device_probe(d, NULL) == 0 && d->probe.label &&
            streq(d->probe.label, label))
            return d;
    }
    return NULL;
}

/* True if the disk may become the mount's device: it looks blank, or an earlier start formatted it
 * without a label. Whether it is blank is decided by reading all of it, before it is formatted. */
static bool is_free(struct device *disk, const struct plan_mount *mount)
{
    const struct probe *p = &disk->probe;
    if (device_probe(disk, NULL) < 0)
        return false;
    if (p->verdict == PROBE_NOTHING)
        return true;
    return probe_is_filesystem(p) && !p->pttype && !p->label &&
           (!mount->fstype || streq(p->type, mount->fstype));
}

struct device *mountdevice_find(struct device_list *devices, const struct plan_mount *mount)
{
    struct device *disk = mount->options.disk ? find(devices, mount->options.disk) : NULL;
    char *label CLEANUP_FREE = disk ? mountdevice_label(mount) : NULL;
    struct device *found = label ? labelled_on(devices, disk, label) : NULL;
    if (!found && label && is_free(disk, mount))
        found = disk;
    return found ? found : find(devices, mount->what);
}

void mountdevice_missing(struct device_list *devices, const struct plan_mount *mount,
                         struct strv *missing)
{
    /* a filesystem elsewhere must not take the place of a disk that appears late */
    if (mount->options.disk && !find(devices, mount->options.disk))
        strv_push(missing, mount->options.disk);
    else if (!mountdevice_find(devices, mount))
        strv_push(missing, mount->what);
}
