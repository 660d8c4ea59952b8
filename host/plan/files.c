/* SPDX-License-Identifier: MIT */
/* The files to make before a start, in the order in which they are made. */
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "base/units.h"
#include "common/store.h"
#include "host/config/bootdrive.h"
#include "host/config/release.h"
#include "host/plan/planner.h"
#include "host/system/path.h"

/* Name of the registration that is made in the share xchg. */
#define REGISTRATION "registration"

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* Returns the label that a new disk image is formatted with, as the script does since it finds the
 * root by its label; the caller frees. NULL: the image is blank, and our init formats it. */
static char *image_label(const struct planner *p)
{
    const struct filesystems *filesystems = &p->config->filesystems;

    if (!p->config->release->root_by_label || planner_has_own_init(p) ||
        !config_bool(p->config, "virtualisation.useDefaultFilesystems"))
        return NULL;
    for (size_t i = 0; i < filesystems->count; i++) {
        const struct filesystem *fs = &filesystems->items[i];
        const char *label = fs->device ? startswith(fs->device, "/dev/disk/by-label/") : NULL;

        if (streq(fs->where, "/"))
            return streq(fs->type, "ext4") ? xstrdup(label ? label : RELEASE_ROOT_LABEL) : NULL;
    }
    return NULL;
}

/* The size of a new disk image in bytes; 0: none is given. */
static uint64_t image_size(struct planner *p)
{
    static const char option[] = "virtualisation.diskSize";
    uint64_t grown = (uint64_t)config_integer(p->config, "runVm.growDiskImage") * MIB;
    uint64_t size = grown ? grown : (uint64_t)config_integer(p->config, option) * MIB;

    if (!size && !exists(p->disk_image))
        config_problem(
            p->config, option, "is %s, and there is no image %s yet, expected its size in MiB%s",
            config_text(p->config, option) ? "\"auto\"" : "null", p->disk_image,
            config_text(p->config, option) ? ": the size of a new one follows from nothing" : "");
    return size;
}

static void add_disk_image(struct planner *p)
{
    uint64_t size = image_size(p);
    struct plan_file *file = planner_add_file(p, FILE_DISK_IMAGE, xstrdup(p->disk_image), NULL);

    file->bytes = size;
    file->grow = (uint64_t)config_integer(p->config, "runVm.growDiskImage") * MIB;
    file->label = image_label(p);
}

/* Reports a root of which the guest cannot be kept from writing as asked. */
static void check_writes(struct planner *p, const char *option)
{
    const char *grown = "runVm.growDiskImage";

    if (streq(config_text(p->config, option), "refuse") && !planner_has_own_init(p))
        config_problem(p->config, option,
                       "is \"refuse\", expected \"discard\": only run-vm's init mounts an overlay "
                       "on a root that cannot be written to");
    else if (streq(config_text(p->config, option), "refuse") && !exists(p->disk_image))
        config_problem(
            p->config, option,
            "is \"refuse\", and there is no image %s yet, expected one that has a system",
            p->disk_image);
    if (config_integer(p->config, grown))
        config_problem(p->config, grown,
                       "is set, expected null where %s is \"%s\": nothing is written to the image",
                       option, config_text(p->config, option));
}

static void file_disk_image(struct planner *p)
{
    static const char option[] = "runVm.diskImageWrites";

    if (!p->disk_image)
        return;
    bool kept = streq(config_text(p->config, option), "keep");
    if (!kept)
        check_writes(p, option);
    if (!kept && exists(p->disk_image))
        planner_add_file(p, FILE_DISK_LOWER, xstrdup(p->disk_image), NULL);
    else if (kept)
        add_disk_image(p);
}

/* Makes the disk image of this start alone, in the temporary directory. */
static void file_temporary_image(struct planner *p)
{
    if (p->disk_image && plan_is_temporary(p->plan, p->disk_image) && !exists(p->disk_image) &&
        !streq(config_text(p->config, "runVm.diskImageWrites"), "keep"))
        add_disk_image(p);
}

static void file_temporary(struct planner *p)
{
    struct plan_file *file = planner_add_file(p, FILE_TEMPORARY, xstrdup(p->plan->cwd), NULL);

    file->keep = p->keep_tmp;
}

static void add_roots(struct planner *p, struct plan_file *file)
{
    struct strv paths CLEANUP_STRV = config_texts(p->config, "virtualisation.additionalPaths");

    strv_extend(&file->roots, &paths);
}

/* Adds an option's value to the roots if it is a path of the guest's store. */
static void add_root(struct planner *p, struct plan_file *file, const char *option)
{
    const char *path = config_text(p->config, option);

    if (path && startswith(path, STORE_DIR "/") && !strv_contains(&file->roots, path))
        strv_push(&file->roots, path);
}

/* True if the store image is a view of the pack, which is in the cache: a machine whose files stay
 * in a directory of their own has nothing there. */
static bool is_packed(const struct planner *p)
{
    const char *wanted = config_text(p->config, "runVm.storeImage");

    if (p->options->directory)
        return false;
    return wanted ? streq(wanted, "pack") : p->dialect->packs;
}

static void file_store_image(struct planner *p)
{
    if (!config_bool(p->config, "virtualisation.useNixStoreImage"))
        return;
    if (config_bool(p->config, "virtualisation.writableStore") &&
        config_text(p->config, "system.build.storeImage")) {
        planner_add_file(p, FILE_DISK_OVERLAY, planner_temporary(p, "store.img"),
                         planner_store_file(p, "system.build.storeImage", "nixos.qcow2"))
            ->replace = true;
        return;
    }
    struct plan_file *file =
        planner_add_file(p, FILE_STORE_IMAGE, planner_temporary(p, "store.img"),
                         planner_store_file(p, "system.build.storeClosure", "store-paths"));
    file->replace = true;
    file->packed = is_packed(p);
    file->writable = p->disks->refuses_readonly && !p->dialect->snapshots;
    add_root(p, file, "system.build.toplevel");
    add_root(p, file, "system.build.regInfo");
    add_roots(p, file);
}

static void file_exchange(struct planner *p)
{
    planner_add_file(p, FILE_DIRECTORY, planner_temporary(p, SHARE_EXCHANGE), NULL);
}

/* Copies the host's CA certificates into the share for them. */
static void file_certificates(struct planner *p)
{
    const char *given = variables_nonempty(&p->variables, "NIX_SSL_CERT_FILE");
    char *source CLEANUP_FREE = given ? path_absolute(p->at->cwd, given) : NULL;

    if (!config_bool(p->config, "virtualisation.useHostCerts"))
        return;
    planner_add_file(p, FILE_DIRECTORY, planner_temporary(p, SHARE_CERTS), NULL);
    if (source && exists(source))
        planner_add_file(p, FILE_COPY, planner_temporary(p, SHARE_CERTS "/ca-certificates.crt"),
                         TAKE(source))
            ->replace = true;
    else
        strv_pushf(&p->config->warnings,
                   "environment: NIX_SSL_CERT_FILE %s%s: virtualisation.useHostCerts gives the "
                   "guest no certificates. Set it to the host's file of them.",
                   source ? source : "is not set", source ? " does not exist" : "");
}

static void file_boot_disk(struct planner *p)
{
    if (!config_bool(p->config, "virtualisation.useBootLoader"))
        return;
    bool built = config_text(p->config, "system.build.bootDisk");

    bool install = bootdrive_has_loader(p->config);

    if (!built && install && !config_text(p->config, "system.build.toplevel")) {
        config_problem_of(p->config, "virtualisation.useBootLoader", "system.build.bootDisk",
                          "is not set, nor is system.build.toplevel, expected one of them: "
                          "virtualisation.useBootLoader boots from a disk made of it");
        return;
    }
    char *path CLEANUP_FREE = planner_temporary(p, "disk.img");
    bool persist = config_bool(p->config, "virtualisation.persistBootDevice");
    enum file_kind kind = built ? FILE_DISK_OVERLAY : FILE_BOOT_DISK;
    char *source = NULL;

    if (built) {
        source = planner_store_file(p, "system.build.bootDisk", "disk.img");
    } else if (persist && exists(path)) {
        return; /* the guest may have changed it */
    } else {
        plan_boot_disk(p);
        source = p->efi_vars && install ? planner_temporary(p, PLANNER_BOOT_VARIABLES) : NULL;
    }
    planner_add_file(p, kind, TAKE(path), source)->replace = !persist;
}

static void file_empty_disks(struct planner *p)
{
    for (size_t i = 0; i < p->config->empty_disk_count; i++) {
        char *name CLEANUP_FREE = xasprintf("empty%zu.qcow2", i);
        struct plan_file *file =
            planner_add_file(p, FILE_DISK_IMAGE, planner_temporary(p, name), NULL);

        file->bytes = p->config->empty_disks[i];
    }
}

/* True if the guest's store is on its disks, with a database of its own. */
static bool guest_has_store(const struct planner *p)
{
    return !config_bool(p->config, "virtualisation.mountHostNixStore") &&
           !config_bool(p->config, "virtualisation.useNixStoreImage");
}

/* Chooses the registration that Nix built, or one that is made in the share xchg. */
static void file_registration(struct planner *p)
{
    const char *built = config_text(p->config, "system.build.regInfo");
    const struct share *exchange = share_find(&p->config->shares, SHARE_EXCHANGE);

    if (guest_has_store(p))
        return;
    if (built) {
        p->reg_info = xasprintf("%s/registration", built);
        return;
    }
    if (!json_array_size(config_get(p->config, "virtualisation.additionalPaths")) ||
        planner_boots_foreign(p) || !config_bool(p->config, "nix.enable"))
        return;
    if (!exchange || !exchange->target) {
        strv_push(&p->config->warnings,
                  "The guest's Nix database stays as it is: there is no system.build.regInfo, and "
                  "no share xchg in which a registration could be given.");
        return;
    }
    p->reg_info = xasprintf("%s/%s", exchange->target, REGISTRATION);
    struct plan_file *file = planner_add_file(
        p, FILE_REGISTRATION, planner_temporary(p, SHARE_EXCHANGE "/" REGISTRATION), NULL);

    file->replace = true;
    add_roots(p, file);
}

void plan_files(struct planner *p)
{
    static void (*const steps[])(struct planner * p) = {
        file_disk_image,  file_temporary,    file_temporary_image, file_store_image,
        file_exchange,    file_certificates, file_boot_disk,       plan_efi_variables,
        file_empty_disks, file_registration,
    };

    for (size_t i = 0; i < ELEMENTS(steps); i++)
        steps[i](p);
}
