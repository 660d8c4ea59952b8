/* SPDX-License-Identifier: MIT */
/* The files to make before a start, in the order in which they are made. */
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "base/units.h"
#include "common/store.h"
#include "host/plan/planner.h"

/* Name of the registration that is made in the share xchg. */
#define REGISTRATION "registration"

/* Name, in the temporary directory, of the EFI variables that come with a boot disk. */
#define BOOT_VARIABLES "boot-efi-vars.fd"

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static void file_disk_image(struct planner *p)
{
    if (!p->disk_image)
        return;
    uint64_t size = (uint64_t)config_integer(p->config, "virtualisation.diskSize") * MIB;

    if (!size && !exists(p->disk_image))
        config_problem(p->config, "virtualisation.diskSize",
                       "is null, and there is no image %s yet, expected its size in MiB",
                       p->disk_image);
    struct plan_file *file = planner_add_file(p, FILE_DISK_IMAGE, xstrdup(p->disk_image), NULL);

    file->bytes = size;
}

static void file_temporary(struct planner *p)
{
    struct plan_file *file = planner_add_file(p, FILE_TEMPORARY, xstrdup(p->plan->cwd), NULL);

    file->keep = p->keep_tmp;
}

/* Finds "DIRECTORY/NAME" on the host, DIRECTORY being an option's value, in the guest's store. The
 * caller frees; NULL after a problem, or if the option is null. */
static char *store_file(struct planner *p, const char *option, const char *name)
{
    const char *directory = config_text(p->config, option);
    char *path CLEANUP_FREE = directory ? xasprintf("%s/%s", directory, name) : NULL;
    char *found = path ? planner_store_path(p, option, path) : NULL;

    planner_need(p, option, found ? found : "", NEED_FILE);
    return found;
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

static void file_store_image(struct planner *p)
{
    if (!config_bool(p->config, "virtualisation.useNixStoreImage"))
        return;
    if (config_bool(p->config, "virtualisation.writableStore") &&
        config_text(p->config, "system.build.storeImage")) {
        planner_add_file(p, FILE_DISK_OVERLAY, planner_temporary(p, "store.img"),
                         store_file(p, "system.build.storeImage", "nixos.qcow2"))
            ->replace = true;
        return;
    }
    struct plan_file *file =
        planner_add_file(p, FILE_STORE_IMAGE, planner_temporary(p, "store.img"),
                         store_file(p, "system.build.storeClosure", "store-paths"));
    file->replace = true;
    file->writable = p->disks->refuses_readonly && !p->dialect->snapshots;
    add_root(p, file, "system.build.toplevel");
    add_root(p, file, "system.build.regInfo");
    add_roots(p, file);
}

static void file_exchange(struct planner *p)
{
    planner_add_file(p, FILE_DIRECTORY, planner_temporary(p, SHARE_EXCHANGE), NULL);
}

static void file_boot_disk(struct planner *p)
{
    if (!config_bool(p->config, "virtualisation.useBootLoader"))
        return;
    bool built = config_text(p->config, "system.build.bootDisk");

    if (!built && !config_text(p->config, "system.build.toplevel")) {
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
        source = store_file(p, "system.build.bootDisk", "disk.img");
    } else if (persist && exists(path)) {
        return; /* the guest may have changed it */
    } else {
        plan_boot_disk(p);
        source = p->efi_vars ? planner_temporary(p, BOOT_VARIABLES) : NULL;
    }
    planner_add_file(p, kind, TAKE(path), source)->replace = !persist;
}

/* Finds the initial content of the EFI variables; the caller frees. With a boot loader it is made
 * with the boot disk, since it names the loader. */
static char *first_variables(struct planner *p)
{
    const char *template = config_text(p->config, "virtualisation.efi.variables");

    if (p->plan->boot_disk.toplevel)
        return planner_temporary(p, BOOT_VARIABLES);
    if (config_bool(p->config, "virtualisation.useBootLoader") &&
        config_text(p->config, "system.build.bootDisk"))
        return store_file(p, "system.build.bootDisk", "efi-vars.fd");
    if (template) {
        char *found = planner_host_path(p, "virtualisation.efi.variables", template);

        planner_need(p, "virtualisation.efi.variables", found ? found : "", NEED_FILE);
        return found;
    }
    config_problem(p->config, "virtualisation.efi.variables",
                   "is not set, and run-vm knows no firmware for %s, expected a path",
                   p->config->platform_name);
    return NULL;
}

static void file_efi_variables(struct planner *p)
{
    if (p->efi_vars)
        planner_add_file(p, FILE_COPY, xstrdup(p->efi_vars), first_variables(p));
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

/* Chooses the registration that Nix built, or one that is made in the share xchg. */
static void file_registration(struct planner *p)
{
    const char *built = config_text(p->config, "system.build.regInfo");
    const struct share *exchange = share_find(&p->config->shares, SHARE_EXCHANGE);

    if (built) {
        p->reg_info = xasprintf("%s/registration", built);
        return;
    }
    if (!json_array_size(config_get(p->config, "virtualisation.additionalPaths")) ||
        !config_bool(p->config, "nix.enable"))
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
        file_disk_image, file_temporary,     file_store_image, file_exchange,
        file_boot_disk,  file_efi_variables, file_empty_disks, file_registration,
    };

    for (size_t i = 0; i < ELEMENTS(steps); i++)
        steps[i](p);
}
