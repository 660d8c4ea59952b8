/* SPDX-License-Identifier: MIT */
/* The guest's filesystems: virtualisation.fileSystems, or the configuration's own. */
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
    struct strv depends;  /* mount points that come first, except those of an overlay's layers */
    bool auto_format;     /* format a blank device */
    bool needed_for_boot; /* mount before stage 2: asked for, or one that stage 2 needs */
    bool initrd_layers;   /* the layers of the overlay are in the initrd */
};

struct filesystems {
    json_t *value;            /* as the option has them, without those that are not enabled */
    const char *option;       /* that sets them */
    struct filesystem *items; /* by the names of the entries, bytewise */
    size_t count;
};

/* Decodes the value of `option`, a name that remains valid. Takes a reference to the value. */
void filesystem_decode(struct filesystems *filesystems, const char *option, json_t *value);

void filesystem_free(struct filesystems *filesystems);
