/* SPDX-License-Identifier: MIT */
/* The content of an erofs directory: blocks of entries, sorted by the bytes of their names. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct erofsdirectory_entry {
    const char *name; /* the caller's */
    uint64_t inode;
    mode_t mode; /* only the file's type is used */
};

/* Sorts the entries, "." and ".." among them. */
void erofsdirectory_sort(struct erofsdirectory_entry *entries, size_t count);

/* Returns the size of the content in bytes, and writes it to `content` unless that is NULL. */
uint64_t erofsdirectory_fill(const struct erofsdirectory_entry *entries, size_t count,
                             unsigned char *content);
