/* SPDX-License-Identifier: MIT */
/* The runtime directory of registry.h, and the locks in it. */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/strv.h"

/* Returns the path of the user's runtime directory; the caller frees. */
char *registryplace_path(void);

/* Opens it, and makes it if `make` is set. Returns a descriptor, or a negative errno with the
 * reason: -EPERM if it is another user's, or others can enter it. */
int registryplace_open(const char *path, bool make, struct error *e);

/* Lists the directories of machines. Returns 0 or a negative errno. */
int registryplace_names(struct strv *names, int base);

/* Opens the lock of the machine NAME, which is made with its directory. Returns a descriptor, or a
 * negative errno: -ENOENT if another process has just removed the directory. */
int registryplace_open_lock(int base, const char *name);

/* True if the descriptor is of the lock that the machine NAME has now. */
bool registryplace_is_lock(int base, const char *name, int lock);

/* Removes what a machine that was killed has left beside the lock, which the caller holds. */
void registryplace_empty(int base, const char *name);

/* Removes the directory of a machine whose lock the caller holds. */
void registryplace_remove(int base, const char *name);

/* Removes the directory of a machine that runs no longer. Returns false if it runs, or another
 * process is just removing the directory: look again after a pause. */
bool registryplace_clear(int base, const char *name);

/* Waits as long as others need to look at a directory and to remove it. */
void registryplace_pause(void);
