/* SPDX-License-Identifier: MIT */
/* A set of options, resolved: the whole table, or a submodule's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "host/config/definition.h"
#include "host/config/schema.h"

struct option_set {
    const struct option *options;
    size_t count;
    const struct position *place; /* of the submodule; NULL: the whole table, where what is unknown
                                     is mostly somebody else's */
    json_t *values;               /* where the values go, by name */
    json_int_t *priorities;       /* where the priorities go, in the table's order; NULL: nowhere */
};

/* Resolves every option of the set, in the table's order, from definitions of the whole set. An
 * option with something wrong has its default, or null. */
void option_set_resolve(struct config *config, const struct option_set *set,
                        const struct definitions *definitions);
