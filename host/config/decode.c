/* SPDX-License-Identifier: MIT */
#include "host/config/decode.h"

#include "base/alloc.h"
#include "base/units.h"
#include "host/config/fsoverlay.h"
#include "host/config/sharetransport.h"
#include "host/config/size.h"
#include "host/config/value.h"

#define FILESYSTEMS         "fileSystems"
#define MACHINE_FILESYSTEMS "virtualisation." FILESYSTEMS

void decode_release(struct config *config, json_t *value)
{
    config->release = release_find(json_string_value(value));
}

void decode_platform(struct config *config, json_t *value)
{
    const char *name =
        json_is_object(value) ? value_text(value, "system") : json_string_value(value);

    if (!name)
        config_problem(config, "nixpkgs.hostPlatform",
                       "has no string \"system\", expected one such as \"x86_64-linux\"");
    config->platform_name = name ? name : "";
    config->platform = platform_find(config->platform_name);
}

void decode_disk_interface(struct config *config, json_t *value)
{
    config->disk_interface = disk_interface_find(json_string_value(value));
}

void decode_shares(struct config *config, json_t *value)
{
    static const char shares[] = "virtualisation.sharedDirectories";
    json_t *settings = config_get(config, "runVm.shares");

    share_decode(&config->shares, value, settings, sharetransport_usual(config),
                 sharetransport_of_store(config, &config->store_reason));
    if (config_has_problem(config, shares)) /* the share may be among those that are left out */
        return;
    const char *tag;
    json_t *setting;
    json_object_foreach (settings, tag, setting)
        if (!json_object_get(value, tag)) {
            char *option CLEANUP_FREE = xasprintf("runVm.shares.%s", tag);

            config_problem(config, option, "is no share, expected the tag of one in %s", shares);
        }
}

void decode_drives(struct config *config, json_t *value)
{
    drive_decode(&config->drives, value);
}

void decode_forward_ports(struct config *config, json_t *value)
{
    port_forward_decode(&config->forward_ports, value);
    if (config_bool(config, "runVm.ssh"))
        port_forward_add_ssh(&config->forward_ports);
}

/* Adds the machine's filesystems to those of the configuration that have the same priority. */
static void add_machine_filesystems(struct config *config, json_t *filesystems, json_t *machine)
{
    const char *name;
    json_t *entry;

    json_object_foreach (machine, name, entry) {
        char *option CLEANUP_FREE = xasprintf(FILESYSTEMS ".\"%s\"", name);

        if (json_object_get(filesystems, name))
            config_problem(config, option,
                           "is in " MACHINE_FILESYSTEMS " too, expected one of them");
        else
            json_object_set(filesystems, name, entry);
    }
}

/* Checks and decodes the filesystems that `option` sets. */
static void take_filesystems(struct config *config, const char *option, json_t *value)
{
    const char *name;
    json_t *entry;

    filesystem_decode(&config->filesystems, option, value);
    json_object_foreach (value, name, entry) {
        char *path CLEANUP_FREE = xasprintf("%s.\"%s\"", option, name);

        fsoverlay_check(config, path, entry);
    }
}

/* As in NixOS: the machine's filesystems, if there are any, override those of the configuration
 * with mkVMOverride. */
void decode_filesystems(struct config *config, json_t *value)
{
    json_t *machine = config_get(config, MACHINE_FILESYSTEMS);
    json_int_t priority = config_priority(config, FILESYSTEMS);

    if (!json_object_size(machine) || priority < PRIORITY_MACHINE)
        take_filesystems(config, FILESYSTEMS, value);
    else if (!json_object_size(value))
        take_filesystems(config, MACHINE_FILESYSTEMS, machine);
    else {
        add_machine_filesystems(config, value, machine);
        take_filesystems(config, FILESYSTEMS, value);
    }
}

/* An integer of MiB, or a set with one as `size`. */
void decode_empty_disks(struct config *config, json_t *value)
{
    json_t *disk;
    size_t i;

    config->empty_disks = xcalloc(json_array_size(value), sizeof *config->empty_disks);
    json_array_foreach (value, i, disk) {
        const json_t *size = json_is_object(disk) ? json_object_get(disk, "size") : disk;

        config->empty_disks[config->empty_disk_count++] = (uint64_t)json_integer_value(size) * MIB;
    }
}

void decode_resolution(struct config *config, json_t *value)
{
    config->resolution.x = (uint64_t)json_integer_value(json_object_get(value, "x"));
    config->resolution.y = (uint64_t)json_integer_value(json_object_get(value, "y"));
}

void decode_qemu_options(struct config *config, json_t *value)
{
    qemu_entry_decode(&config->qemu_options, value);
}

void decode_networking_options(struct config *config, json_t *value)
{
    qemu_entry_decode(&config->networking_options, value);
}

/* A text with its unit, an integer of MiB, or null. */
void decode_cache_size(struct config *config, json_t *value)
{
    if (json_is_string(value))
        (void)size_parse(json_string_value(value), MIB, &config->cache_size);
    else
        config->cache_size = (uint64_t)json_integer_value(value) * MIB;
}
