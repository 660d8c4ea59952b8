/* SPDX-License-Identifier: MIT */
/* Numbers of users and groups that the host has set aside for one of its users: subuid(5). */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct subids {
    unsigned int first, count; /* count 0: none */
};

/* Finds the first range that the text of /etc/subuid or /etc/subgid gives to the user, by number or
 * by name, which may be NULL. */
struct subids subids_find(const char *text, uid_t user, const char *name);

/* The same for a file; none if it cannot be read. */
struct subids subids_read(const char *path, uid_t user);

bool subids_contain(const struct subids *ids, unsigned int id);
