/* SPDX-License-Identifier: MIT */
/* Carries out plan.files: makes the files that must exist before QEMU starts. Each appears whole or
 * not at all, and no existing file is overwritten unless the plan says so. */
#pragma once

#include "base/error.h"
#include "host/plan/plan.h"
#include "host/prepare/bootdisk.h"
#include "host/prepare/prepared.h"

/* Makes the files in the plan's order, a boot disk with `install` (NULL if the plan has none).
 * Before that it locks the disk images and the temporary directory, if they exist, against a second
 * run-vm: if one is in use, no file is touched. Returns 0, or a negative errno with the reason and,
 * as the error's status, that of the tool that failed (else 74, or 69 for a missing tool). */
int prepare(struct prepared *prepared, const struct plan *plan, bootdisk_installer *install,
            struct error *e);

/* Adds the parameter to the plan that tells init which disks are blank. */
void prepare_tell(const struct prepared *prepared, struct plan *plan);
