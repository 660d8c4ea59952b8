/* SPDX-License-Identifier: MIT */
/* A user namespace, in which a program sees the owners of files under other numbers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* `count` numbers from `inside` are those from `outside`, on the host. */
struct idmap_row {
    unsigned int inside, outside, count;
};

struct idmap {
    struct idmap_row users[2];
    struct idmap_row groups[2];
    size_t rows;        /* of each; 0: there is no namespace */
    bool keeps_user;    /* the program is not root in the namespace, but has root's privileges */
    char *user_program; /* newuidmap and newgidmap, owned; NULL: the only row is the user itself */
    char *group_program;
};

/* A process.enter (process.h), whose context is a struct idmap: enters the namespace. */
int idmap_enter(void *map);

/* Checks in a process of its own that the namespace can be entered. Returns 0 or a negative errno.
 */
int idmap_try(const struct idmap *map);

/* Does what tree_remove() does, if need be inside the namespace, in which all owners of files are
 * the program's. `map` may be NULL. */
int idmap_remove_tree(const struct idmap *map, const char *path, struct error *e);

void idmap_free(struct idmap *map);
