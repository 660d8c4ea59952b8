/* SPDX-License-Identifier: MIT */
#include "host/config/diskinterface.h"

#include <stddef.h>

#include "base/cleanup.h"
#include "base/text.h"

static const struct disk_interface interfaces[] = {
    {"virtio", NULL, "virtio-blk-pci", true, false, false, {"virtio_blk"}},
    {"scsi", "lsi53c895a", "scsi-hd", false, false, false, {"sym53c8xx", "sd_mod"}},
    {"ide", NULL, "ide-hd", false, true, true, {"ahci", "ata_piix", "sd_mod"}},
};

const struct disk_interface *disk_interface_find(const char *name)
{
    for (size_t i = 0; i < ELEMENTS(interfaces); i++)
        if (streq(interfaces[i].name, name))
            return &interfaces[i];
    return &interfaces[0];
}
