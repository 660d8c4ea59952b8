/* SPDX-License-Identifier: MIT */
/* Looks whether the host has what a plan needs, before anything is made. */
#pragma once

#include "base/error.h"
#include "host/plan/plan.h"

/* Checks every file and directory that must exist, every directory that something will be made in,
 * and every port that QEMU will listen on. All that is missing is reported: 0, or -EINVAL with the
 * last of it in the error and the rest in the log. */
int needs_check(const struct plan *plan, struct error *e);
