/* SPDX-License-Identifier: MIT */
/* A view of the file system of one's own. */
#pragma once

#include <stdbool.h>

/* Enters a new mount namespace from which nothing gets out, and for which an ordinary user enters a
 * user namespace as well, with himself as its root. False with errno where the kernel forbids it.
 */
bool namespace_enter(void);
