/* SPDX-License-Identifier: MIT */
/* Tells for which processor a kernel is. */
#pragma once

/* Returns the system of a kernel's file, which gzip may have compressed, such as "aarch64-linux".
 * NULL: the file cannot be read, or is for a processor that only its name tells. Static. */
const char *kernelcpu_of(const char *path);
