/* SPDX-License-Identifier: MIT */
/* The throwaway machine in which a system installs its boot loader on a disk that has a /boot. */
#pragma once

#include "base/error.h"
#include "host/plan/plan.h"

/* In the directory of the work: the disk, raw, which is there before; the firmware's variables,
 * which are there afterwards where the machine has EFI. */
#define INSTALLATION_DISK      "disk.raw"
#define INSTALLATION_VARIABLES "efi-vars.fd"

/* Boots it in the directory `work` and runs the system's switch-to-configuration. 0, or a negative
 * errno with the end of what the installation said. */
int installation_run(const struct boot_disk_spec *spec, const char *work, struct error *e);
