/* SPDX-License-Identifier: MIT */
/* Environment variables as a start sees them: the caller's, and those that the plan sets. */
#pragma once

#include "base/strv.h"
#include "host/plan/expand.h"

struct variables {
    char *const *environment; /* the caller's, NAME=VALUE, ended by NULL; borrowed */
    struct strv names;        /* those set here … */
    struct strv values;       /* … with their values */
};

/* Sets a variable, instead of the caller's. */
void variables_set(struct variables *variables, const char *name, const char *value);

/* The value, NULL where it is not set. */
const char *variables_get(const struct variables *variables, const char *name);

/* The same, but an empty value counts as none. */
const char *variables_nonempty(const struct variables *variables, const char *name);

/* For expand.h. */
struct expand_variables variables_for_expansion(const struct variables *variables);

void variables_free(struct variables *variables);
