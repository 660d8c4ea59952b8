/* SPDX-License-Identifier: MIT */
#include "host/config/decode.h"

#include "base/alloc.h"
#include "base/units.h"
#include "host/config/size.h"
#include "host/config/value.h"

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

    share_decode(&config->shares, value, settings, config_text(config, "runVm.transport"));
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
}

void decode_filesystems(struct config *config, json_t *value)
{
    filesystem_decode(&config->filesystems, value);
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

void decode_vlans(struct config *config, json_t *value)
{
    json_t *number;
    size_t i;

    config->vlans = xcalloc(json_array_size(value), sizeof *config->vlans);
    json_array_foreach (value, i, number)
        config->vlans[config->vlan_count++] = (unsigned int)json_integer_value(number);
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
