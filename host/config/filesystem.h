/* SPDX-License-Identifier: MIT */
/* The guest's filesystems: virtualisation.fileSystems. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/strv.h"

/* The texts belong to the JSON value. */
struct filesystem {
    const char *where;    /* the mount point; set in a configuration without problems */
    const char *device;   /* a path, or the tag of a share; NULL: none */
    const char *type;     /* "auto": to be probed */
    struct strv options;  /* as fstab(5) has them, "defaults" included */
    bool auto_format;     /* format a blank device */
    bool needed_for_boot; /* mount before stage 2: asked for, or one that stage 2 needs */
};

struct filesystems {
    struct filesystem *items; /* by the names of the entries, bytewise */
    size_t count;
};

/* Decodes the value of virtualisation.fileSystems. */
void filesystem_decode(struct filesystems *filesystems, json_t *value);

void filesystem_free(struct filesystems *filesystems);
