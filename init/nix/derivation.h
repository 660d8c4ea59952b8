/* SPDX-License-Identifier: MIT */
/* Parser of a derivation (.drv, Nix's ATerm format) for its outputs. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct derivation_output {
    char *id;   /* "out", "dev" … */
    char *path; /* its store path */
};

/* Sorted by id. Leaves out outputs whose path is unknown before they are built (floating or
 * deferred content-addressed ones), as Nix's database does. */
struct derivation {
    struct derivation_output *outputs; /* owned, with its strings */
    size_t output_count;
};

/* struct derivation d CLEANUP_DERIVATION = {0}; */
#define CLEANUP_DERIVATION CLEANUP(derivation_free)
void derivation_free(struct derivation *derivation);

/* Parses the `length` bytes of the file that messages call `file`. Checks the syntax of all of it,
 * to detect a truncated derivation. Returns 0, or -EBADMSG with the file, the offset and the
 * reason. The caller frees `derivation`. */
int derivation_parse(const char *bytes, size_t length, const char *file,
                     struct derivation *derivation, struct error *e);
