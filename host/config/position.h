/* SPDX-License-Identifier: MIT */
/* Positions of values in the tree of options. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The position of an option, attribute or list entry. Its path is only put together for messages.
 */
struct position {
    const struct position *within; /* the submodule, set or list around it; NULL: the top level */
    const char *name;              /* of an option or attribute */
    bool attribute;                /* an attribute of a set, under a name that the user chooses */
    size_t entry;                  /* number of a list entry, from 1 */
    bool secret;                   /* messages show no value here, nor within */
};

/* The whole path: attribute c/d within a.b gives a.b."c/d"; the caller frees. */
char *position_path(const struct position *at);

/* True if the position is secret, or within one that is. */
bool position_is_secret(const struct position *at);
