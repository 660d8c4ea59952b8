/* SPDX-License-Identifier: MIT */
/* Definitions and how they become one value: mkOverride, mkOrder, mkIf and mkMerge (as objects
 * with a "_type"), conflicts, lists strung together, sets merged name by name. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "host/config/config.h"
#include "host/config/schema.h"
#include "host/config/value.h"

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

/* Where an option, attribute or list entry stands. The path is put together for messages only. */
struct position {
    const struct position *within; /* the submodule, set or list around it; NULL: the whole table */
    const char *name;              /* of an option or attribute */
    bool attribute;                /* in a set, under a name of the user's choice */
    size_t entry;                  /* of a list: the entry's number, from 1 */
};

struct merged {
    json_t *value;       /* a new reference; NULL where nothing is left, or something is wrong */
    bool missing;        /* no definition is left */
    json_int_t priority; /* of the definitions that won */
};

/* One value out of the definitions of one option. What is wrong has been noted. */
struct merged merge_definitions(struct config *config, const struct position *place,
                                const struct type *type, const struct definitions *definitions);

/* Takes the properties off a definition and appends what is left of it. */
void merge_discharge(struct config *config, const struct position *place,
                     struct definition definition, struct definitions *out);

/* Of definitions without properties, those that count. */
void merge_keep_strongest(const struct type *type, struct definitions *list);

/* Of at least one definition, that of the last source: if they conflict, it is the one at fault. */
const struct definition *merge_latest(const struct config *config, const struct definitions *list);

/* Notes what is wrong with a definition: "FILE: PATH: …". */
void merge_problem(struct config *config, const struct definition *definition,
                   const struct position *place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A value as a message shows it; the caller frees. */
char *merge_show(const json_t *value);

/* The whole path: attribute c/d within a.b gives a.b."c/d"; the caller frees. */
char *merge_path(const struct position *place);

/* Until its users have the decoded structs. */
#define merge_sorted_keys value_keys
