/* SPDX-License-Identifier: MIT */
/* Small files, read and written whole. After a short write the rest is written, or the reason why
 * it cannot be is returned (ENOSPC for a full filesystem). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

/* Default limit, in bytes, of a file that is read whole. */
#define FILE_LIMIT ((size_t)512 << 20)

/* Reads a regular file to its end, whatever size fstat(2) reports: files of /proc report 0.
 * Anything else is refused at once, since opening or reading a FIFO or a device may block or never
 * end. Returns the content with a zero byte after it, and its length in `size` (may be NULL); the
 * caller frees. Returns NULL with errno and the message, which names `path`, for a file of more
 * than `limit` bytes too. */
char *file_read(const char *path, size_t limit, size_t *size, struct error *e);

/* The same for a path relative to the open directory `directory`, or AT_FDCWD. `flags` is 0 or
 * O_NOFOLLOW. */
char *file_read_at(int directory, const char *path, int flags, size_t limit, size_t *size,
                   struct error *e);

/* Reads up to `size` bytes from the beginning of a file, without waiting for a FIFO's or device's
 * other end. Returns their number, which is less than `size` only if the file is shorter, or a
 * negative errno. */
ssize_t file_read_head(const char *path, void *head, size_t size);

/* Reads up to `size` bytes from the end of an open file. Returns their number, or a negative errno.
 */
ssize_t file_read_tail(int fd, void *tail, size_t size);

/* Writes all of `content` to `fd`. Returns 0 or a negative errno. */
int file_write(int fd, const void *content, size_t size);

/* Makes the file `path`, which must not exist, relative to `directory` as above. Returns 0 or a
 * negative errno with the message; a file written in part remains. */
int file_create_at(int directory, const char *path, mode_t mode, const void *content, size_t size,
                   struct error *e);

/* True if `path` is a symlink whose text is `target`. */
bool file_is_link_to(const char *path, const char *target);

/* Writes `text` to a file that exists and is not truncated: a setting of the kernel's in /proc or
 * /sys. Returns 0 or a negative errno. */
int file_set(const char *path, const char *text);
