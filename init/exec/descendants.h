/* SPDX-License-Identifier: MIT */
/* The processes that descend from this one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct descendant {
    pid_t pid;
    pid_t parent;
    bool ours; /* descends from the process */
};

/* Marks the descendants of `ancestor`, in any order. */
void descendants_mark(struct descendant *all, size_t count, pid_t ancestor);

/* Sends a signal to all descendants of the calling process. Returns their number. */
size_t descendants_kill(int number);
