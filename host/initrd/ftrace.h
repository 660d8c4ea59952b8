/* SPDX-License-Identifier: MIT */
/* The hook for tracers at the start of each function of a kernel module for x86-64. */
#pragma once

#include <stddef.h>

/* Makes every call of __fentry__ in a relocatable object a no-operation, in place, as the kernel
 * does when it loads a module whose __mcount_loc lists these calls; for a module that no longer has
 * this list. Anything else, and anything malformed, stays as it is. */
void ftrace_remove(char *data, size_t size);
