/* SPDX-License-Identifier: MIT */
/* The sectors of a device that hold data of an interrupted format of ours. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "init/format/ext4.h"

/* Offsets of sectors in bytes, in ascending order. */
struct remains {
    uint64_t *sectors; /* owned */
    size_t count;
};

/* struct remains r CLEANUP_REMAINS = {0}; */
#define CLEANUP_REMAINS CLEANUP(remains_free)

/* Repeats `format` in memory, and finds the sectors of the device `fd` that are not zeros and
 * equal, byte for byte, what the format writes there at some time. Only reads the device, which
 * messages call `name`. Returns 0 or a negative errno with the reason. */
int remains_find(int fd, const char *name, const struct ext4_format *format,
                 struct remains *remains, struct error *e);

void remains_free(struct remains *remains);
