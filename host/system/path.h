/* SPDX-License-Identifier: MIT */
/* Paths on the host. */
#pragma once

#include <stdbool.h>

#include "base/error.h"

/* Makes `path`, relative to the directory `cwd`, absolute and drops a leading "./". The caller
 * frees.
 */
char *path_absolute(const char *cwd, const char *path);

/* Resolves all symbolic links, like readlink -f: every component but the last, also of a link, must
 * exist. Returns 0 and sets `resolved`, which the caller frees, or a negative errno with the
 * reason.
 */
int path_resolve(char **resolved, const char *cwd, const char *path, struct error *e);

/* Finds a path of the guest on the host, the guest's root being the host's directory `prefix`,
 * inside which symbolic links are followed. If `prefix` is "", it is the path itself. Returns 0 and
 * sets `found`, which the caller frees, or a negative errno with the reason. */
int path_in_prefix(char **found, const char *prefix, const char *path, struct error *e);

/* Returns the problem with a path that begins with ~, which only a shell expands, or NULL for any
 * other path. Such a path never means a directory named ~. */
const char *path_tilde_problem(const char *path);

/* Returns the directory part of a path, "." if it has none; the caller frees. */
char *path_directory(const char *path);

/* Returns the last component of a path, without slashes after it; the caller frees. */
char *path_last_name(const char *path);

/* The same as path_in_prefix() for a path of the host that begins with `root`, which may be NULL:
 * the links below `root` are followed as a process of the guest would follow them. */
int path_below(char **found, const char *root, const char *path, struct error *e);

/* Returns the part of `path` that is below the directory `root`, whatever links either contains;
 * NULL: it is not below. */
const char *path_rest(const char *root, const char *path);

/* True if two absolute paths are the same text, apart from doubled slashes, trailing slashes and
 * ".".
 */
bool path_is_same(const char *a, const char *b);
