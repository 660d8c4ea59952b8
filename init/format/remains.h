/* SPDX-License-Identifier: MIT */
/* Sectors that an interrupted format has written, and nothing else has. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "init/format/ext4.h"

/* Offsets of sectors, in ascending order. */
struct remains {
    uint64_t *sectors; /* owned */
    size_t count;
};

/* struct remains r CLEANUP_REMAINS = {0}; */
#define CLEANUP_REMAINS CLEANUP(remains_free)

/* Goes through `format` again, in memory, and finds the sectors of the device `fd` that hold,
 * byte for byte, something other than zeros that the format writes there at some time. Changes
 * nothing on the device. */
int remains_find(int fd, const char *name, const struct ext4_format *format,
                 struct remains *remains, struct error *e);

void remains_free(struct remains *remains);
