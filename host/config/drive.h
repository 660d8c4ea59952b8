/* SPDX-License-Identifier: MIT */
/* The drives of the machine: virtualisation.qemu.drives. */
#pragma once

#include <stddef.h>

#include <jansson.h>

/* KEY=VALUE of -drive or -device; the value is as written: variables and quotes are not expanded
 * yet. */
struct drive_option {
    const char *key;
    const char *value;
};

struct drive_options {
    struct drive_option *items; /* by key, bytewise */
    size_t count;
};

/* The texts belong to the JSON value. */
struct drive {
    const char *name;             /* NULL: it has none */
    const char *file;             /* as written: variables and quotes are not expanded yet */
    struct drive_options backend; /* driveExtraOpts */
    struct drive_options device;  /* deviceExtraOpts */
};

struct drives {
    struct drive *items;
    size_t count;
};

/* Decodes the value of virtualisation.qemu.drives. */
void drive_decode(struct drives *drives, const json_t *value);

/* The value of a key, or NULL. */
const char *drive_option_find(const struct drive_options *options, const char *key);

void drive_free(struct drives *drives);
