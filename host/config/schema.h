/* SPDX-License-Identifier: MIT */
/* The table of options: every option that a configuration may set, in one place. Errors, defaults,
 * `-o` and the manual page all come from it; adding an option is adding a row. */
#pragma once

#include <stddef.h>

#include <jansson.h>

#include "host/config/types.h"

struct config;

/* What an option's default or built-in definitions may depend on: the rows above it. */
struct scope {
    struct config *config;
    const json_t *values; /* of the options above it in the same table, by name */
    const char *name;     /* in a set of submodules: the name of this one */
};

struct option {
    const char *name; /* dotted */
    const struct type *type;
    const char *value; /* the default, as JSON; NULL: none, or computed */
    /* A default that depends on other options; a new reference. */
    json_t *(*compute)(const struct scope *scope);
    const char *shown; /* how the manual shows a default that is computed */
    /* Appends built-in definitions of the ordinary priority, unless they have their own _type. */
    void (*define)(const struct scope *scope, json_t *definitions);
    /* Decodes the value, once it is known, into a field of `config`. */
    void (*decode)(struct config *config, json_t *value);
    const char *alias_of; /* the old name of that option, which must come later in the table */
    const char *help;
};

/* By dependence: an option's functions may look at those above it. */
extern const struct option schema_options[];
extern const size_t schema_option_count;

/* The row of that name among `options`; NULL: none. */
const struct option *schema_find(const struct option *options, size_t count, const char *name);

/* Levenshtein's distance: how many characters have to be changed, put in or left out. */
size_t schema_distance(const char *a, const char *b);

/* The name in `options` nearest to `name`, NULL where none is near. */
const char *schema_nearest(const struct option *options, size_t count, const char *name);
