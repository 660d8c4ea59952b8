/* SPDX-License-Identifier: MIT */
/* Guests that do what no guest of ours does, for tests of run-vm's end of the channel. */
#pragma once

#include <stddef.h>

#define HOSTILEGUEST_SOCKET   "exec" /* in the working directory */
#define HOSTILEGUEST_PATIENCE 2000   /* with a guest that takes a signal, in milliseconds */

/* The number of the guests that send something forbidden, whose names are numbers from 0 on. */
extern const size_t hostileguest_forbidden_count;

/* Acts as the guest of that name, in QEMU's place. Returns the exit status. */
int hostileguest_run(const char *name);
