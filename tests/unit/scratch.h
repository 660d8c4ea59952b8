/* SPDX-License-Identifier: MIT */
/* A directory for a test's files, and short ways to use it. A failure here fails the test. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A new empty directory, removed with all in it by scratch_free(). */
char *scratch_new(void);
void scratch_free(char **directory);
#define CLEANUP_SCRATCH __attribute__((cleanup(scratch_free)))

/* DIRECTORY/NAME; the caller frees. */
char *scratch_path(const char *directory, const char *name);

/* Writes a file; reads one (NULL if it does not exist); counts the entries of a directory. */
void scratch_write(const char *directory, const char *name, const char *text);
char *scratch_read(const char *directory, const char *name);
size_t scratch_count(const char *directory);

/* Runs a program, and fails if it fails: scratch_run("mkdir", path); */
#define scratch_run(...) scratch_run_vector((const char *const[]){__VA_ARGS__, NULL})
void scratch_run_vector(const char *const *arguments);
