/* SPDX-License-Identifier: MIT */
/* Small files of the kernel: read and written whole. */
#pragma once

#include "base/error.h"

/* The contents of `path`, ended by a zero byte; the caller frees. NULL with the reason. */
char *textfile_read(const char *path, struct error *e);

/* Writes `text` to a file that is there. Returns 0 or a negative errno. */
int textfile_write(const char *path, const char *text);
