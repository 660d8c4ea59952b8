/* SPDX-License-Identifier: MIT */
/* Resolves the definitions of all sources to one value for each option: conflicts, lists appended,
 * sets merged name by name, submodules, defaults. */
#pragma once

#include <stdbool.h>

#include <jansson.h>

#include "host/config/definition.h"

/* Resolves every option of the table and decodes its value. Returns 0, or -EINVAL if there are
 * problems; it finds all of them. */
int resolve_config(struct config *config);

struct resolved {
    json_t *value;       /* a new reference; NULL if no definition is left, or after a problem */
    bool missing;        /* no definition is left */
    json_int_t priority; /* of the definitions that won */
};

/* Merges the definitions of one option or part of an option. Notes the problems. */
struct resolved resolve_definitions(struct config *config, const struct position *at,
                                    const struct type *type, const struct definitions *definitions);
