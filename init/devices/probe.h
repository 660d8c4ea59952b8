/* SPDX-License-Identifier: MIT */
/* Finds the format of a block device or image file with libblkid. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"

enum probe_verdict {
    PROBE_NOTHING,   /* neither a filesystem nor a partition table: zeros, or unknown data */
    PROBE_FOUND,     /* one format; `type` or `pttype` or both (hybrid images) are set */
    PROBE_AMBIVALENT /* signatures of several formats: the valid one is unknown */
};

/* One entry of a partition table. */
struct probe_partition {
    int number;
    char *label; /* GPT only */
    char *uuid;  /* GPT's, or MBR's "XXXXXXXX-NN" */
};

/* Strings are owned; NULL: none. */
struct probe {
    enum probe_verdict verdict;
    uint64_t size; /* of the device, in bytes */
    char *type;    /* "ext4", "LVM2_member", "crypto_LUKS", "swap"; ambivalent: "ext4 and swap" */
    char *usage;   /* "filesystem", "raid", "crypto" or "other": libblkid's class of `type` */
    char *label;   /* the filesystem's */
    char *uuid;    /* the filesystem's */
    char *pttype;  /* partition table on it: "gpt", "dos" */
    struct probe_partition *partitions; /* owned: the entries of the partition table */
    size_t partition_count;
};

/* struct probe p CLEANUP_PROBE = {0}; */
#define CLEANUP_PROBE CLEANUP(probe_free)

/* Probes `fd`, open for reading, which messages call `name`. Frees the old content of `p`. Returns
 * 0, also if nothing is found, or a negative errno with the reason if the device cannot be read. */
int probe_fd(int fd, const char *name, struct probe *p, struct error *e);

/* The same for a device on which probe_fd() has found nothing: also accepts superblocks with a
 * wrong checksum and a GPT without its protective MBR. For messages, not for mounting. */
int probe_damaged(int fd, const char *name, struct probe *p, struct error *e);

/* True if `p` is a filesystem that can be mounted. */
bool probe_is_filesystem(const struct probe *p);

/* Describes the result: "ext4 filesystem", "LVM2_member", "gpt partition table", "several formats
 * at once: ext4 and swap", "nothing known". The caller frees. */
char *probe_describe(const struct probe *p);

void probe_free(struct probe *p);
