/* SPDX-License-Identifier: MIT */
/* The user that a command of the host runs as, by the guest's own /etc/passwd and /etc/group. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

struct user {
    uid_t uid;
    gid_t gid;
    char *name; /* NULL: a number without an entry */
    char *home;
    char *shell;
    gid_t *groups; /* supplementary */
    size_t group_count;
};

#define CLEANUP_USER CLEANUP(user_free)
void user_free(struct user *user);

/* Finds NAME[:GROUP] or UID[:GID] in the texts of a passwd(5) and a group(5). A number needs no
 * entry: its group is then 0 unless it is given. A given group replaces the user's first group, the
 * supplementary ones stay. Returns 0, or -ENOENT with the reason. */
int user_find(struct user *user, const char *spec, const char *passwd, const char *group,
              struct error *e);

/* The same in the files of the root. */
int user_find_in_root(struct user *user, const char *spec, struct error *e);

/* Gives this process, and the descriptors 0 to 2, to the user. Returns 0, or a negative errno with
 * the reason. */
int user_become(const struct user *user, struct error *e);
