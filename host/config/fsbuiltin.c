/* SPDX-License-Identifier: MIT */
#include "host/config/fsbuiltin.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "common/ninep.h"
#include "common/store.h"
#include "host/config/builtin.h"
#include "host/config/fsoverlay.h"
#include "host/config/size.h"
#include "host/config/value.h"

/* True if the store is mounted on STORE_LOWER_DIR even if nothing can be written to it. */
static bool store_is_apart(const struct config *config)
{
    return streq(config->release->store_target, STORE_LOWER_DIR);
}

static const char *store_mount_point(const struct config *config)
{
    return config_bool(config, "virtualisation.writableStore") || store_is_apart(config)
               ? STORE_LOWER_DIR
               : STORE_DIR;
}

/* Notes two shares with the same mount point, which is the name of a filesystem. */
static void check_mount_point(struct config *config, const json_t *mounts, const char *tag,
                              const char *where)
{
    const char *other = value_text(json_object_get(mounts, where), "device");

    if (!other)
        return;
    char *its CLEANUP_FREE = xasprintf("virtualisation.sharedDirectories.%s.target", other);
    char *own CLEANUP_FREE = xasprintf("virtualisation.sharedDirectories.%s.target", tag);
    bool is_last = config_origin(config, own).rank >= config_origin(config, its).rank;

    config_problem_of(config, is_last ? own : its, "virtualisation.sharedDirectories",
                      "shares %s and %s are both mounted on %s, expected a mount point for each",
                      other, tag, where);
}

/* The mount options of a share, the user's first, as in a filesystem; a new reference. The store
 * never changes while the guest runs. */
static json_t *share_options(const struct config *config, const struct share *share)
{
    bool store = streq(share->tag, SHARE_STORE);
    json_t *options = json_array();

    for (size_t i = 0; i < share->options.count; i++)
        json_array_append_new(options, json_string(share->options.items[i]));
    if (!store && !share->writable && !strv_contains(&share->options, "ro"))
        json_array_append_new(options, json_string("ro"));
    if (share->transport == SHARE_VIRTIOFS) {
        json_array_append_new(options, json_string(store ? STORE_OPTIONS : "defaults"));
        return options;
    }
    json_array_append_new(options, json_string("trans=" NINEP_TRANS));
    json_array_append_new(options, json_string("version=" NINEP_VERSION));
    json_array_append_new(options, json_sprintf("msize=%" JSON_INTEGER_FORMAT,
                                                config_integer(config, "virtualisation.msize")));
    if (store)
        json_array_append_new(
            options,
            json_sprintf("cache=%s", config_text(config, "virtualisation.nixStore9pCache")));
    return options;
}

static void define_shares(struct config *config, json_t *definitions)
{
    json_t *mounts = json_object();

    for (size_t i = 0; i < config->shares.count; i++) {
        const struct share *share = &config->shares.items[i];
        bool moved = streq(share->tag, SHARE_STORE) && !store_is_apart(config) &&
                     config_bool(config, "virtualisation.writableStore");
        const char *where = moved ? store_mount_point(config) : share->target;

        if (!where)
            continue; /* a problem has been noted */
        check_mount_point(config, mounts, share->tag, where);
        json_object_set_new(mounts, where,
                            json_pack("{s:s,s:s,s:b,s:o}", "device", share->tag, "fsType",
                                      share_transport_name(share->transport), "neededForBoot", 1,
                                      "options", share_options(config, share)));
    }
    json_array_append_new(definitions, mounts);
}

/* The root on the disk image, a new reference. */
static json_t *disk_root(const struct config *config)
{
    json_t *root = json_pack("{s:s*, s:s}", "device",
                             config_text(config, "virtualisation.rootDevice"), "fsType", "ext4");

    if (!streq(config_text(config, "runVm.diskImageWrites"), "refuse"))
        json_object_set_new(root, "autoFormat", json_true());
    if (config_integer(config, "runVm.growDiskImage"))
        json_object_set_new(root, "autoResize", json_true());
    return root;
}

static void define_root(const struct config *config, json_t *definitions)
{
    if (!config_bool(config, "virtualisation.useDefaultFilesystems"))
        return;
    if (!config_text(config, "virtualisation.diskImage"))
        builtin_add(definitions, "{s:{s:s,s:s}}", "/", "device", "tmpfs", "fsType", "tmpfs");
    else
        builtin_add(definitions, "{s:o}", "/", disk_root(config));
}

static void define_tmp(const struct config *config, json_t *definitions)
{
    if (!config_bool(config, "boot.tmp.useTmpfs"))
        return;
    const json_t *size = config_get(config, "boot.tmp.tmpfsSize");
    const char *text = json_string_value(size);
    uint64_t bytes = (uint64_t)json_integer_value(size);
    /* the kernel reads neither GiB nor 1.5G */
    bool counted = !text || (strpbrk(text, ".i") && size_parse(text, 1, &bytes));
    json_t *option = counted ? json_sprintf("size=%" PRIu64, bytes) : json_sprintf("size=%s", text);
    builtin_add(definitions, "{s:{s:s,s:s,s:b,s:[s,s,s,s,o]}}", "/tmp", "device", "tmpfs", "fsType",
                "tmpfs", "neededForBoot", 1, "options", "mode=1777", "strictatime", "nosuid",
                "nodev", option);
}

static void define_store(struct config *config, json_t *definitions)
{
    bool writable = config_bool(config, "virtualisation.writableStore");
    bool image = config_bool(config, "virtualisation.useNixStoreImage");
    bool host = config_bool(config, "virtualisation.mountHostNixStore");

    if (!image && !share_find(&config->shares, SHARE_STORE) &&
        !(host && config_text(config, "system.build.toplevel")))
        return;
    if (image && host) {
        config_problem(config, "virtualisation.mountHostNixStore",
                       "is true, and so is virtualisation.useNixStoreImage, expected one source of "
                       "the guest's store");
        return;
    }
    if (!writable && store_is_apart(config))
        builtin_add(definitions, "{s:{s:s,s:[s]}}", STORE_DIR, "device", STORE_LOWER_DIR, "options",
                    STORE_OPTIONS_BIND);
    if (image) {
        char *device CLEANUP_FREE = builtin_drive_device(config, "nix-store");

        builtin_add(definitions, "{s:{s:s,s:b,s:[s]}}", store_mount_point(config), "device",
                    device ? device : "?", "neededForBoot", 1, "options", STORE_OPTIONS);
    }
    if (writable && config_bool(config, "virtualisation.writableStoreUseTmpfs"))
        builtin_add(definitions, "{s:{s:s,s:b,s:[s]}}", STORE_UPPER_DIR, "fsType", "tmpfs",
                    "neededForBoot", 1, "options", STORE_OPTIONS_UPPER);
}

static void define_boot(const struct config *config, json_t *definitions)
{
    const char *partition = config_text(config, "virtualisation.bootPartition");

    if (config_bool(config, "virtualisation.useBootLoader") && partition)
        builtin_add(definitions, "{s:{s:s,s:s,s:b}}", "/boot", "device", partition, "fsType",
                    "vfat", "noCheck", 1);
}

void fsbuiltin_machine(const struct scope *scope, json_t *definitions)
{
    define_shares(scope->config, definitions);
    define_root(scope->config, definitions);
    define_tmp(scope->config, definitions);
    define_store(scope->config, definitions);
    define_boot(scope->config, definitions);
}

/* The machine's filesystems replace those of the configuration, which belong to another machine.
 * Definitions of the same priority are kept, and decoded together with the machine's. */
void fsbuiltin_system(const struct scope *scope, json_t *definitions)
{
    if (json_object_size(config_get(scope->config, "virtualisation.fileSystems")))
        builtin_add(definitions, "{s:s,s:i,s:{}}", "_type", "override", "priority",
                    PRIORITY_MACHINE, "content");
}

/* --- inside a filesystem --- */

/* The device of a pseudo-filesystem is named after its type; a label names a device too. */
void fsbuiltin_device(const struct scope *scope, json_t *definitions)
{
    static const char *const special[] = {"proc", "sysfs", "tmpfs", "ramfs", "devtmpfs", "devpts"};
    const char *type = value_text(scope->values, "fsType");
    const char *label = value_text(scope->values, "label");

    for (size_t i = 0; type && i < ELEMENTS(special); i++)
        if (streq(special[i], type))
            builtin_add_weak(definitions, json_string(type));
    if (label)
        builtin_add_weak(definitions, json_sprintf("/dev/disk/by-label/%s", label));
    fsoverlay_define_device(scope, definitions);
}

void fsbuiltin_options(const struct scope *scope, json_t *definitions)
{
    if (json_is_true(json_object_get(scope->values, "autoResize")))
        builtin_add(definitions, "[s]", "x-nixos.autoresize");
    fsoverlay_define_options(scope, definitions);
}
