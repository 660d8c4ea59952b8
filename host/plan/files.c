/* SPDX-License-Identifier: MIT */
/* The files to be made, in the order in which they are made. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "host/plan/planner.h"

#define MIB (UINT64_C(1) << 20)

/* The registration's name in the share xchg, where it has to be made. */
#define REGISTRATION "registration"

/* The name in the temporary directory of the EFI variables that come with a boot disk. */
#define BOOT_VARIABLES "boot-efi-vars.fd"

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static void file_disk_image(struct planner *p)
{
    const json_t *size = config_get(p->config, "virtualisation.diskSize");
    struct plan_file *file;

    if (!p->disk_image)
        return;
    if (json_is_null(size) && !exists(p->disk_image))
        config_problem(p->config, "virtualisation.diskSize",
                       "is null, and there is no image %s yet, expected its size in MiB",
                       p->disk_image);
    file = planner_add_file(p, FILE_DISK_IMAGE, xstrdup(p->disk_image), NULL);
    file->bytes = (uint64_t)json_integer_value(size) * MIB;
}

static void file_temporary(struct planner *p)
{
    struct plan_file *file = planner_add_file(p, FILE_TEMPORARY, xstrdup(p->plan->cwd), NULL);

    file->keep = p->keep_tmp;
}

/* "DIRECTORY/NAME" on the host, DIRECTORY being an option's value in the guest's store; the caller
 * frees. NULL after a problem, or where the option is null. */
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
    json_t *path;
    size_t i;

    json_array_foreach (config_get(p->config, "virtualisation.additionalPaths"), i, path)
        strv_push(&file->roots, json_string_value(path));
}

/* An option's value as one more root, where it is a path of the guest's store. */
static void add_root(struct planner *p, struct plan_file *file, const char *option)
{
    const char *path = config_text(p->config, option);

    if (path && !strncmp(path, "/nix/store/", 11) && !strv_contains(&file->roots, path))
        strv_push(&file->roots, path);
}

static void file_store_image(struct planner *p)
{
    struct plan_file *file;

    if (!config_bool(p->config, "virtualisation.useNixStoreImage"))
        return;
    if (config_bool(p->config, "virtualisation.writableStore") &&
        config_text(p->config, "system.build.storeImage")) {
        file = planner_add_file(p, FILE_DISK_OVERLAY, planner_temporary(p, "store.img"),
                                store_file(p, "system.build.storeImage", "nixos.qcow2"));
        file->replace = true;
        return;
    }
    file = planner_add_file(p, FILE_STORE_IMAGE, planner_temporary(p, "store.img"),
                            store_file(p, "system.build.storeClosure", "store-paths"));
    file->replace = true;
    file->writable = p->disks->refuses_readonly && !p->dialect->snapshots;
    add_root(p, file, "system.build.toplevel");
    add_root(p, file, "system.build.regInfo");
    add_roots(p, file);
}

static void file_exchange(struct planner *p)
{
    planner_add_file(p, FILE_DIRECTORY, planner_temporary(p, "xchg"), NULL);
}

static void file_boot_disk(struct planner *p)
{
    struct plan_file *file;
    char *path;
    bool built = config_text(p->config, "system.build.bootDisk");
    bool persist = config_bool(p->config, "virtualisation.persistBootDevice");

    if (!config_bool(p->config, "virtualisation.useBootLoader"))
        return;
    if (!built && !config_text(p->config, "system.build.toplevel")) {
        config_problem_of(p->config, "virtualisation.useBootLoader", "system.build.bootDisk",
                          "is not set, nor is system.build.toplevel, expected one of them: "
                          "virtualisation.useBootLoader boots from a disk made of it");
        return;
    }
    path = planner_temporary(p, "disk.img");
    if (built) {
        file = planner_add_file(p, FILE_DISK_OVERLAY, path,
                                store_file(p, "system.build.bootDisk", "disk.img"));
        file->replace = !persist;
    } else if (persist && exists(path)) {
        free(path); /* it is what the guest has made of it */
    } else {
        plan_boot_disk(p);
        file = planner_add_file(p, FILE_BOOT_DISK, path,
                                p->efi_vars ? planner_temporary(p, BOOT_VARIABLES) : NULL);
        file->replace = !persist;
    }
}

/* What the EFI variables begin as; the caller frees. With a boot loader those that were made with
 * the boot disk, since they name the loader. */
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
    json_t *disk;
    size_t i;

    json_array_foreach (config_get(p->config, "virtualisation.emptyDiskImages"), i, disk) {
        const json_t *size = json_is_object(disk) ? json_object_get(disk, "size") : disk;
        char *name CLEANUP_FREE = xasprintf("empty%zu.qcow2", i);
        struct plan_file *file =
            planner_add_file(p, FILE_DISK_IMAGE, planner_temporary(p, name), NULL);

        file->bytes = (uint64_t)json_integer_value(size) * MIB;
    }
}

/* Where the guest mounts the share xchg; NULL: nowhere. */
static const char *exchange_target(const struct planner *p)
{
    const json_t *shares = config_get(p->config, "virtualisation.sharedDirectories");

    return json_string_value(json_object_get(json_object_get(shares, "xchg"), "target"));
}

/* The registration that Nix built, or one of ours in the share xchg. */
static void file_registration(struct planner *p)
{
    const char *built = config_text(p->config, "system.build.regInfo");
    const char *target = exchange_target(p);
    char *name CLEANUP_FREE = xasprintf("xchg/%s", REGISTRATION);
    struct plan_file *file;

    if (built) {
        p->reg_info = xasprintf("%s/registration", built);
        return;
    }
    if (!json_array_size(config_get(p->config, "virtualisation.additionalPaths")) ||
        !config_bool(p->config, "nix.enable"))
        return;
    if (!target) {
        strv_push(&p->config->warnings,
                  "The guest's Nix database stays as it is: there is no system.build.regInfo, and "
                  "no share xchg in which a registration could be given.");
        return;
    }
    p->reg_info = xasprintf("%s/%s", target, REGISTRATION);
    file = planner_add_file(p, FILE_REGISTRATION, planner_temporary(p, name), NULL);
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
