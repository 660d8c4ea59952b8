/* SPDX-License-Identifier: MIT */
/* Checks, before anything is made, that the host has everything that a plan needs. */
#pragma once

#include "base/error.h"
#include "host/plan/plan.h"

/* Checks every file and directory that must exist, every directory in which a file will be made,
 * and every port on which QEMU will listen. Returns 0, or -EINVAL with all problems reported: the
 * last in the error, the others in the log. */
int needs_check(const struct plan *plan, struct error *e);
