/* SPDX-License-Identifier: MIT */
/* The outputs of a derivation (.drv, Nix's ATerm format): bytes in, structs out. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct derivation_output {
    char *id;   /* "out", "dev" … */
    char *path; /* its store path, as the derivation says */
};

/* Sorted by id. An output whose path is known only once it is built (a floating or deferred
 * content-addressed one) is not here, as it is not in Nix's database. */
struct derivation {
    struct derivation_output *outputs; /* owned, with its strings */
    size_t output_count;
};

/* struct derivation d CLEANUP_DERIVATION = {0}; */
#define CLEANUP_DERIVATION CLEANUP(derivation_free)
void derivation_free(struct derivation *derivation);

/* Reads `length` bytes of the file that messages call `file`. All of it is checked to be well
 * formed, so that a derivation that was cut off is noticed. Returns 0, or -EBADMSG with the file,
 * the offset and the reason. */
int derivation_parse(const char *bytes, size_t length, const char *file,
                     struct derivation *derivation, struct error *e);
