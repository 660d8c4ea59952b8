/* SPDX-License-Identifier: MIT */
/* A private view of the filesystem. */
#pragma once

#include <stdbool.h>

/* Enters a new mount namespace, whose mounts do not propagate to the host's. An ordinary user
 * enters a user namespace as well and is root there. Returns false with errno if the kernel forbids
 * it. */
bool namespace_enter(void);
