/* SPDX-License-Identifier: MIT */
/* The types that only options of the schema have: choices, ranges, and submodules with their own
 * tables of options. */
#pragma once

#include "host/config/types.h"

extern const struct type type_cores, type_drives, type_empty_disks, type_filesystems, type_initrd,
    type_interface, type_kernel, type_memory, type_msize, type_networks, type_node,
    type_null_or_boot_partition, type_null_or_disk_size, type_null_or_firmware,
    type_null_or_program, type_null_or_size, type_null_or_size_of_disk, type_null_or_term_action,
    type_platform, type_port_forwards, type_prefix, type_release, type_resolution, type_shares,
    type_null_or_store_transport, type_null_or_store_image, type_shares_settings, type_store_cache,
    type_tmpfs_size, type_transport, type_writes;
