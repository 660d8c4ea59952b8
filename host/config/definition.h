/* SPDX-License-Identifier: MIT */
/* Definitions of an option, and their properties: mkOverride, mkOrder, mkIf and mkMerge, as objects
 * with a "_type". */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "host/config/config.h"
#include "host/config/position.h"
#include "host/config/types.h"

struct definition {
    json_t *value; /* borrowed */
    json_int_t priority;
    json_int_t order;
    bool overridden; /* `priority` comes from an override */
    const struct source *source;
};

struct definitions {
    struct definition *items;
    size_t count;
};

/* The order of a definition without mkOrder. */
#define ORDER_ORDINARY 1000

#define CLEANUP_DEFINITIONS CLEANUP(definitions_free)
void definitions_add(struct definitions *list, const struct definition *definition);
void definitions_free(struct definitions *list);

/* A definition without properties, of the ordinary priority and order. */
struct definition definition_plain(json_t *value, const struct source *source);

/* Removes the properties of a definition. Appends the definitions that remain: none, one or
 * several. */
void definition_discharge(struct config *config, const struct position *at,
                          struct definition definition, struct definitions *out);

/* Keeps only the strongest of some definitions without properties. Of those on the command line,
 * for a value that is not merged by parts, it keeps the last. */
void definitions_keep_strongest(const struct type *type, struct definitions *list);

/* Sorts by order. Definitions of the same order keep their sequence. */
void definitions_sort(struct definitions *list);

/* The definition of the last source, out of at least one: of conflicting definitions it is the one
 * at fault. */
const struct definition *definitions_latest(const struct config *config,
                                            const struct definitions *list);

/* Notes a problem with a definition, as "FILE: PATH: …". */
void definition_problem(struct config *config, const struct definition *definition,
                        const struct position *at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
