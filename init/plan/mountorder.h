/* SPDX-License-Identifier: MIT */
/* The order of mounts: each after the one it is mounted in and those that its source lies in. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "init/plan/plan.h"

/* Puts the `count` mounts into an order in which they can be mounted, keeping the given order
 * where it can. Returns 0, or -EINVAL with a message that names the mounts of a cycle, or a target
 * that two mounts share. */
int mountorder_sort(struct plan_mount *mounts, size_t count, struct error *e);

/* True when `path` is `directory` or lies below it; both normal as in struct plan_mount. */
bool mountorder_is_within(const char *path, const char *directory);
