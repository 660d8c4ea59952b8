/* SPDX-License-Identifier: MIT */
/* Versions of kernels, as uname -r prints them. */
#pragma once

#include <stdbool.h>

/* Compares two versions: numbers as numbers, and a release candidate is older than its release.
 * Returns less than, equal to or more than 0, like strcmp(3). */
int kernelversion_compare(const char *a, const char *b);

/* Returns the version of a kernel: what follows the first dash of `name`, such as
 * vmlinuz-6.1.0-9-amd64, if it begins with a digit, or else the one in the header of the bzImage at
 * `path`. The result is a file name; the caller frees. NULL: neither tells. */
char *kernelversion_of(const char *name, const char *path);

/* True if the text can be the name of a directory of modules. */
bool kernelversion_is_name(const char *text);
