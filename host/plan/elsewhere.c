/* SPDX-License-Identifier: MIT */
#include "host/plan/elsewhere.h"

#include <errno.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/config/setting.h"
#include "host/system/path.h"

/* The kernel as its distribution packs it is the smallest; a view of the pack is no file that can
 * be sent. */
static const char *const defaults[] = {"runVm.kernel=bzImage", "runVm.storeImage=file"};

int elsewhere_configure(struct config *config, struct error *e)
{
    int r = 0;

    for (size_t i = 0; i < ELEMENTS(defaults) && r == 0; i++)
        r = setting_add_default(config, defaults[i], e);
    return r;
}

const struct plan_file *elsewhere_drive_file(const struct plan *plan,
                                             const struct model_drive *drive)
{
    char *path CLEANUP_FREE = path_absolute(plan->cwd, drive->file);

    for (size_t i = 0; i < plan->file_count; i++)
        if (path_is_same(plan->files[i].path, path))
            return &plan->files[i];
    return NULL;
}

static int check_share(const struct plan *plan, const struct model_item *item, struct error *e)
{
    if (plan->tree)
        return error_set(e, -EINVAL,
                         "--root-dir: %s is a directory of this host; expected a configuration "
                         "whose store is an image, for a machine on another host",
                         plan->tree);
    return error_set(e, -EINVAL,
                     "virtualisation.sharedDirectories.%s: shares %s of this host; expected no "
                     "shares for a machine on another one: leave it out, or set "
                     "virtualisation.sharedDirectories = lib.mkForce { } in its configuration",
                     item->share.tag, item->share.path);
}

static int check_drive(const struct plan *plan, const struct model_item *item, struct error *e)
{
    const struct plan_file *file = elsewhere_drive_file(plan, &item->drive);

    if (file && file->kind == FILE_STORE_IMAGE && file->packed)
        return error_set(e, -EINVAL,
                         "runVm.storeImage: is \"pack\", expected \"file\" for a machine on "
                         "another host: the pack stays in the cache of this one");
    if (file && file->kind == FILE_DISK_IMAGE && file->label)
        return error_set(e, -EINVAL,
                         "runVm.initrd: is \"system\", expected \"builtin\" for a machine on "
                         "another host, whose disk nobody formats but run-vm's init");
    if (file && (file->kind == FILE_STORE_IMAGE || file->kind == FILE_DISK_IMAGE))
        return 0;
    return error_set(e, -EINVAL,
                     "%s: is a disk of this host; expected none for a machine on another one but "
                     "its root, its store and virtualisation.emptyDiskImages",
                     item->drive.file);
}

static int check_firmware(const struct plan *plan, const struct model_item *item, struct error *e)
{
    (void)plan;
    return error_set(e, -EINVAL,
                     "virtualisation.bios: is %s of this host, expected null for a machine on "
                     "another one",
                     item->text);
}

/* Kinds of items that may need something of this host. */
static int (*const checks[MODEL_KINDS])(const struct plan *plan, const struct model_item *item,
                                        struct error *e) = {
    [MODEL_SHARE] = check_share,
    [MODEL_DRIVE] = check_drive,
    [MODEL_BIOS] = check_firmware,
};

static int check_options(const struct config *config, struct error *e)
{
    static const char writes[] = "runVm.diskImageWrites";
    const char *wanted = config_text(config, writes);

    if (streq(wanted, "keep"))
        return 0;
    return error_set(e, -EINVAL,
                     "%s: is \"%s\" (as by --fresh or --ro), expected \"keep\" for a machine on "
                     "another host",
                     writes, wanted);
}

int elsewhere_check(const struct plan *plan, const struct config *config, struct error *e)
{
    int r = check_options(config, e);

    for (size_t i = 0; i < plan->machine.count && r == 0; i++)
        if (checks[plan->machine.items[i].kind])
            r = checks[plan->machine.items[i].kind](plan, &plan->machine.items[i], e);
    return r;
}
