/* SPDX-License-Identifier: MIT */
/* Names of files that are those of their contents. */
#pragma once

#include <stdint.h>

#include "base/error.h"

/* Returns 32 hexadecimal digits, half of the SHA-256 of a file's contents; the caller frees. NULL
 * with the reason. `bytes` becomes the size of the file, and may be NULL. */
char *filedigest(const char *file, uint64_t *bytes, struct error *e);
