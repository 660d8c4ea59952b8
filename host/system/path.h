/* SPDX-License-Identifier: MIT */
/* Paths on the host, and names inside QEMU's option lists. */
#pragma once

#include <stdbool.h>

#include "base/error.h"

/* `path` as seen from the directory `cwd`, made absolute; "./" at its front is dropped. The caller
 * frees. */
char *path_absolute(const char *cwd, const char *path);

/* The absolute path without symbolic links, as readlink -f gives it: the last component, also of a
 * link, need not exist, all others must. 0 and `resolved`, which the caller frees; or a negative
 * errno with the reason. */
int path_resolve(char **resolved, const char *cwd, const char *path, struct error *e);

/* Where on the host a path of the guest is, when the guest's root is the host's directory `prefix`:
 * symbolic links are followed inside it. With prefix "" the path itself. 0 and `found`, which the
 * caller frees; or a negative errno with the reason. */
int path_in_prefix(char **found, const char *prefix, const char *path, struct error *e);

/* Returns the problem with a path that begins with ~, which only a shell expands; NULL: it does
 * not. The path itself is never taken for a directory of that name. */
const char *path_tilde_problem(const char *path);

/* The directory part of a path, "." if it has none; the caller frees. */
char *path_directory(const char *path);

/* The last name of a path, whatever slashes follow it; the caller frees. */
char *path_last_name(const char *path);

/* The same for a path of the host below `root`, which it begins with: as a process of the guest
 * would find it. With root "" or NULL the path itself. */
int path_below(char **found, const char *root, const char *path, struct error *e);

/* Which part of `path` is below the directory `root`, however both are spelt; NULL: it is not. */
const char *path_rest(const char *root, const char *path);

/* Whether two absolute paths are spelt alike, but for doubled slashes, slashes at the end and ".".
 */
bool path_is_same(const char *a, const char *b);
