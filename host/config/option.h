/* SPDX-License-Identifier: MIT */
/* Options: the rows of the table in schema.c and of the tables of submodules. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "host/config/types.h"

struct config;

/* Input of the functions that compute an option's default or built-in definitions: they may read
 * the rows above that option. */
struct scope {
    struct config *config;
    const json_t *values; /* of the options above it in the same table, by name */
    const char *name;     /* in a set of submodules: the name of this submodule */
};

struct option {
    const char *name; /* dotted */
    const struct type *type;
    const char *value; /* the default, as JSON; NULL: none, or computed */
    /* Computes a default that depends on other options. Returns a new reference. */
    json_t *(*compute)(const struct scope *scope);
    const char *shown; /* a computed default, as the manual describes it */
    /* Appends built-in definitions. Those without a "_type" have the ordinary priority. */
    void (*define)(const struct scope *scope, json_t *definitions);
    /* Decodes the value, as soon as it is known, into a field of `config`. */
    void (*decode)(struct config *config, json_t *value);
    const char *alias_of; /* makes this the old name of that option, a row further down */
    bool silent;          /* the old name may go on being used: no warning */
    bool secret;          /* its value is in no message */
    const char *help;
};

/* The row of that name, or NULL. */
const struct option *option_find(const struct option *options, size_t count, const char *name);

/* The name in `options` that is most similar to `name`, or NULL if none is similar. */
const char *option_nearest(const struct option *options, size_t count, const char *name);

/* The default; a new reference, NULL where the option has none. */
json_t *option_default(const struct option *option, const struct scope *scope);

/* The Levenshtein distance: the number of characters to change, insert or delete. */
size_t option_distance(const char *a, const char *b);
