/* SPDX-License-Identifier: MIT */
/* Runs depmod for a lib/modules/VERSION in which nobody has, without writing to it. */
#pragma once

#include "base/error.h"

/* Makes the directory `path`: in it `index`, a link to the files that depmod makes for the modules
 * in `directory`, from the cache, and VERSION, in which links to those and to the modules make up
 * what `directory` lacks. The caller closes `lock` when they are no longer used; -1: they are not
 * cached, but in `fallback`. Returns 0, or a negative errno with the message. */
int moduledep_make(const char *directory, const char *path, const char *fallback, int *lock,
                   struct error *e);
