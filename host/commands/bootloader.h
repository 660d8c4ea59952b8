/* SPDX-License-Identifier: MIT */
/* Runs the throwaway machine in which a system installs its boot loader on a disk that has a /boot.
 */
#pragma once

#include "base/error.h"
#include "host/plan/plan.h"

/* Boots the machine in the directory `work` and runs the system's switch-to-configuration; see
 * bootdisk_installer. Returns 0, or a negative errno with the end of the installation's output. */
int bootloader_install(const struct boot_disk_spec *spec, const char *work, struct error *e);
