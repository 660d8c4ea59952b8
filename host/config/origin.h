/* SPDX-License-Identifier: MIT */
/* Which of the configuration's sources is at fault when a value turns out to be wrong. */
#pragma once

#include "host/config/config.h"

struct origin {
    const struct source *source; /* NULL: nobody has defined it */
    size_t place;                /* of the source among the others, from 1; 0: nobody */
    size_t entry;                /* of a list: the entry's number in that source; 0: unknown */
};

/* Finds the last definition, of those that win, of an option or of a part of its value
 * (virtualisation.sharedDirectories.a.source, virtualisation.forwardPorts.<entry 2>.proto). Where
 * nobody defines the part, the smallest part around it counts that somebody does. */
struct origin origin_find(const struct config *config, const char *option);

/* "FILE: OPTION", by which messages name an option or a part of it, an entry of a list by its
 * number in that file; "command line: --OPTION" or "environment: VARIABLE" for these. The caller
 * frees. */
char *origin_name(const struct config *config, const char *option);
