/* SPDX-License-Identifier: MIT */
/* A store path in memory: the tree of its inodes, without the content of its files. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct erofsnode {
    char *name;
    mode_t mode;
    uint64_t size; /* of a directory: 0, until erofspiece.c has laid it out */
    uint64_t links;
    uint64_t device; /* of a device file */
    char *target;    /* of a symlink */
    bool sparse;     /* the file has holes */
    struct erofsnode **children;
    size_t count;
    struct erofsnode *same; /* the first name of a file with several; NULL: this is it */
    dev_t filesystem;       /* where the host has it, with `number` */
    ino_t number;
    uint64_t inode; /* number in the image */
    uint64_t block; /* number of its first block there */
};

/* Reads the tree at `name` in the open directory. A file's names outside the tree do not count.
 * Returns 0 and sets `node`, or a negative errno with the reason. */
int erofsnode_read(struct erofsnode **node, int directory, const char *name, struct error *e);

void erofsnode_free(struct erofsnode *node);
