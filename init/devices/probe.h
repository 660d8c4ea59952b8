/* SPDX-License-Identifier: MIT */
/* What libblkid finds on an open block device or image file. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"

enum probe_verdict {
    PROBE_NOTHING,   /* neither filesystem nor partition table: zeros, or data nobody knows */
    PROBE_FOUND,     /* exactly one thing; `type` or `pttype` or both (hybrid images) are set */
    PROBE_AMBIVALENT /* signatures of several formats: nobody can tell which one counts */
};

/* One entry of a partition table. */
struct probe_partition {
    int number;
    char *label; /* GPT only */
    char *uuid;  /* GPT's, or MBR's "XXXXXXXX-NN" */
};

/* Strings are owned and NULL where there is none. */
struct probe {
    enum probe_verdict verdict;
    uint64_t size; /* of the device, in bytes */
    char *type;    /* "ext4", "LVM2_member", "crypto_LUKS", "swap"; ambivalent: "ext4 and swap" */
    char *usage;   /* "filesystem", "raid", "crypto" or "other": libblkid's class of `type` */
    char *label;   /* the filesystem's */
    char *uuid;    /* the filesystem's */
    char *pttype;  /* partition table on it: "gpt", "dos" */
    struct probe_partition *partitions; /* owned: what the partition table says */
    size_t partition_count;
};

/* struct probe p CLEANUP_PROBE = {0}; */
#define CLEANUP_PROBE CLEANUP(probe_free)

/* Reads what is on `fd`, open for reading. `name` stands in error messages. The old contents of
 * `p` are freed. Finding nothing is no error; a device that cannot be read is. */
int probe_fd(int fd, const char *name, struct probe *p, struct error *e);

/* The same for a device on which probe_fd() has found nothing: also believes superblocks whose
 * checksum is wrong and a GPT without its protective MBR. Good for naming, not for mounting. */
int probe_damaged(int fd, const char *name, struct probe *p, struct error *e);

/* True when `p` is a filesystem that can be mounted as it is. */
bool probe_is_filesystem(const struct probe *p);

/* What was found in words: "ext4 filesystem", "LVM2_member", "gpt partition table", "several
 * formats at once: ext4 and swap", "nothing known". The caller frees. */
char *probe_describe(const struct probe *p);

void probe_free(struct probe *p);
