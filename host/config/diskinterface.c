/* SPDX-License-Identifier: MIT */
#include "host/config/diskinterface.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"

static const struct disk_interface interfaces[] = {
    {"virtio", NULL, "virtio-blk-pci", "vd", true, false, false, {"virtio_blk"}, " "},
    {"scsi",
     "lsi53c895a",
     "scsi-hd",
     "sd",
     false,
     false,
     false,
     {"sym53c8xx", "sd_mod"},
     " s390x "},
    {"ide", NULL, "ide-hd", "sd", false, true, true, {"ahci", "ata_piix", "sd_mod"}, " s390x "},
};

const struct disk_interface *disk_interface_find(const char *name)
{
    for (size_t i = 0; i < ELEMENTS(interfaces); i++)
        if (streq(interfaces[i].name, name))
            return &interfaces[i];
    return &interfaces[0];
}

char *disk_interface_node(const struct disk_interface *interface, size_t index)
{
    return index < 26 ? xasprintf("/dev/%s%c", interface->node, (int)('a' + index)) : NULL;
}
