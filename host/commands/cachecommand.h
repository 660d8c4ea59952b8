/* SPDX-License-Identifier: MIT */
/* `run-vm cache`: the list of the cache's entries, and their removal. */
#pragma once

#include "host/commandline.h"

extern const struct commandline cachecommand_list_syntax;

/* `run-vm cache list`, whose options have no values. Returns the exit status. */
int cachecommand_list(void *options);

struct cachecommand_prune_options {
    char *max_size;   /* what may be left; NULL: nothing, or everything with `older_than` */
    char *older_than; /* days; NULL: whenever it was used */
};
extern const struct commandline cachecommand_prune_syntax;

/* `run-vm cache prune`. Takes a struct cachecommand_prune_options; returns the exit status. */
int cachecommand_prune(void *options);
