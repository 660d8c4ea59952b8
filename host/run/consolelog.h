/* SPDX-License-Identifier: MIT */
/* Keeps the console's log of a machine in the background from filling the disk: QEMU appends to it
 * without an end. */
#pragma once

#include <stdint.h>

/* In bytes: once the log takes more than CONSOLELOG_MOST on the disk, only the last CONSOLELOG_KEPT
 * stay. The file keeps its length, and what is gone reads as zeros. */
#define CONSOLELOG_MOST (16 << 20)
#define CONSOLELOG_KEPT (8 << 20)

struct consolelog {
    int fd;       /* -1: there is no log, or its filesystem cannot free a part of a file */
    int64_t next; /* the time of the next look */
};

/* Opens the log at `path`; NULL: there is none. A link, another user's file, and what is no file
 * are left alone: their bytes are not the console's. */
struct consolelog consolelog_open(const char *path);

/* Looks at the log, if it is time. */
void consolelog_attend(struct consolelog *log);

/* Returns the milliseconds to the next look; -1: none is needed. */
int consolelog_left(const struct consolelog *log);

void consolelog_close(struct consolelog *log);
