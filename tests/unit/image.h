/* SPDX-License-Identifier: MIT */
/* Disk images for tests, in memory: sparse, of any size, and gone with the test. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A new image of zeros; the caller closes the descriptor. */
int image_new(uint64_t size);

/* A path by which this program and those it starts reach the image. The caller frees. */
char *image_path(int fd);

/* True when both images hold the same. */
bool image_same(int a, int b);

/* Writes to, reads from, or flips all bits of one byte of an image; fails the test if it cannot. */
void image_write(int fd, uint64_t offset, const void *data, size_t length);
void image_read(int fd, uint64_t offset, void *data, size_t length);
void image_flip(int fd, uint64_t offset);

/* Runs a program (argv ended by NULL, found on PATH and in the sbin directories) with nothing to
 * read. Returns its exit status, 127 when there is none. What it prints to either stream goes to
 * *output (may be NULL), which the caller frees. */
int image_run(const char *const *argv, char **output);
#define IMAGE_RUN(...) image_run((const char *const[]){__VA_ARGS__, NULL}, NULL)
