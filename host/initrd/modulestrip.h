/* SPDX-License-Identifier: MIT */
/* Modules without what they do not need to run: half the size, and half the work to relocate. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct module_content {
    char *data; /* owned */
    size_t size;
};

/* Strips those of the modules that are not signed, or all with `signed_too`, by strip of Debian's
 * binutils; `directory` is for its files, which are removed again. Where there is no strip, or none
 * for what they are (modules for another processor), they stay as they are: 0 as well. A negative
 * errno with the reason where it failed otherwise; they can be used then, too. */
int modulestrip_all(struct module_content *modules, size_t count, bool signed_too,
                    const char *directory, struct error *e);
