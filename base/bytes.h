/* SPDX-License-Identifier: MIT */
/* Blocks of bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* True if all bytes are zero, or there are none. */
bool bytes_are_zero(const void *bytes, size_t length);
