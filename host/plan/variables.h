/* SPDX-License-Identifier: MIT */
/* Environment variables as a start sees them: those of the caller, and those that the plan sets. */
#pragma once

#include "base/strv.h"
#include "host/plan/expand.h"

struct variables {
    char *const *environment; /* the caller's, NAME=VALUE, ended by NULL; borrowed */
    struct strv names;        /* of the variables that the plan sets */
    struct strv values;       /* their values, in the same order */
};

/* Sets a variable; it hides that of the caller. */
void variables_set(struct variables *variables, const char *name, const char *value);

/* Returns the value, or NULL if the variable is not set. */
const char *variables_get(const struct variables *variables, const char *name);

/* Returns the value, or NULL if it is empty or not set. */
const char *variables_nonempty(const struct variables *variables, const char *name);

/* Lets expand.h look the variables up; borrows them. */
struct expand_variables variables_for_expansion(const struct variables *variables);

void variables_free(struct variables *variables);
