/* SPDX-License-Identifier: MIT */
/* The source that is at fault when a value turns out to be wrong. */
#pragma once

#include "host/config/source.h"

struct origin {
    const struct source *source; /* NULL: no source defines it */
    size_t rank;                 /* the source's number among all, from 1; 0: no source */
    size_t entry; /* of a list: the entry's number within that source, from 1; 0: unknown */
};

/* Finds the last of the definitions that win, of an option or of a part of its value
 * (virtualisation.sharedDirectories.a.source, virtualisation.forwardPorts.<entry 2>.proto). If no
 * source defines the part, finds the definition of the smallest part around it. `values` are the
 * merged values by option. */
struct origin origin_find(const struct sources *sources, const json_t *values, const char *option);

/* The subject of a message about an option or a part of it: "FILE: OPTION", a list entry with its
 * number within that file; for "--OPTION" and VARIABLES "command line: --OPTION" and "environment:
 * VARIABLE". An option that its source sets by an old name has that one. The caller frees. */
char *origin_name(const struct sources *sources, const json_t *values, const char *option);
