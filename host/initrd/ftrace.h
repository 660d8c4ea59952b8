/* SPDX-License-Identifier: MIT */
/* Removal of the hook that ftrace needs at the start of each function of a kernel module
 * (x86-64). */
#pragma once

#include <stddef.h>

/* Replaces every call of __fentry__ in a relocatable object by a no-operation, in place. The kernel
 * does so itself when it loads a module whose __mcount_loc section lists the calls; this is for
 * modules from which that section was stripped. Other and malformed objects are left unchanged. */
void ftrace_remove(char *data, size_t size);
