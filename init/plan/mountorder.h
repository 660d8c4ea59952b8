/* SPDX-License-Identifier: MIT */
/* Sorts mounts: each after those that contain its mount point or its source. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "init/plan/plan.h"

/* Sorts the `count` mounts into an order in which they can be mounted, and keeps the given order
 * where possible. Returns 0, or -EINVAL with a message that names the mounts of a cycle, or the
 * mount point of two mounts. */
int mountorder_sort(struct plan_mount *mounts, size_t count, struct error *e);

/* True if `path` is `directory` or below it; both normalized as in struct plan_mount. */
bool mountorder_is_within(const char *path, const char *directory);
