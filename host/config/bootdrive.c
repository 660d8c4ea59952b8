/* SPDX-License-Identifier: MIT */
#include "host/config/bootdrive.h"

#include "base/text.h"
#include "host/config/config.h"

#define BY_SERIAL "/dev/disk/by-id/virtio-"
#define BY_LABEL  "/dev/disk/by-label/"

json_t *bootdrive_default_device(const struct scope *scope)
{
    const struct config *config = scope->config;

    if (config->release->root_by_label)
        return json_string(BY_SERIAL RELEASE_ROOT_SERIAL);
    return json_string(streq(config->disk_interface->name, "virtio") ? "/dev/vdb" : "/dev/sdb");
}

/* Before the root was found by its label, useDefaultFilesystems had no say in it. */
json_t *bootdrive_default_install(const struct scope *scope)
{
    const struct config *config = scope->config;

    return json_boolean(config_bool(config, "virtualisation.useBootLoader") &&
                        (!config->release->root_by_label ||
                         config_bool(config, "virtualisation.useDefaultFilesystems")));
}

const char *bootdrive_serial(const struct config *config)
{
    const char *device = config_text(config, "virtualisation.bootLoaderDevice");
    const char *serial = device ? startswith(device, BY_SERIAL) : NULL;

    return serial && *serial ? serial : NULL;
}

const char *bootdrive_label(const struct config *config)
{
    const char *partition = config_text(config, "virtualisation.bootPartition");
    const char *label = partition ? startswith(partition, BY_LABEL) : NULL;

    return label ? label : "boot";
}

bool bootdrive_has_loader(const struct config *config)
{
    return config_bool(config, "virtualisation.useBootLoader") &&
           config_bool(config, "virtualisation.installBootLoader");
}
