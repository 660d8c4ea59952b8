/* SPDX-License-Identifier: MIT */
/* Carries out plan.files: makes the files that must exist before QEMU starts. Each appears whole or
 * not at all, and no existing file is overwritten unless the plan says so. */
#pragma once

#include <stddef.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/strv.h"
#include "host/plan/plan.h"
#include "host/prepare/bootdisk.h"

/* A file that this start has made, and its state after that. */
struct made_file {
    char *path;
    struct stat state;
};

/* Resources held while the VM runs. prepared_free() removes the temporary directories, unless kept,
 * and releases the locks on disk images and cache entries. */
struct prepared {
    struct strv temporary; /* directories to remove */
    int *held;             /* descriptors that hold locks */
    size_t held_count;
    int *entries; /* those that lock cache entries */
    size_t entry_count;
    struct made_file *made; /* disk images and EFI variables that did not exist before */
    size_t made_count;
    struct strv stamped; /* disk images that are blank except for a stamp (common/stamp.h) */
    struct strv words;   /* of their stamps */
    const struct idmap *identities; /* the plan's */
    bootdisk_installer *install;    /* for FILE_BOOT_DISK; NULL: the plan has none */
};

/* struct prepared prepared CLEANUP_PREPARED = {0}; */
#define CLEANUP_PREPARED CLEANUP(prepared_free)

/* Keeps a descriptor, which is closed on exec, open until prepared_free(). */
void prepared_hold(struct prepared *prepared, int fd);

/* Makes the files in the plan's order, a boot disk with `install` (NULL if the plan has none).
 * Before that it locks the disk images and the temporary directory, if they exist, against a second
 * run-vm: if one is in use, no file is touched. Returns 0, or a negative errno with the reason and,
 * as the error's status, that of the tool that failed (else 74, or 69 for a missing tool). */
int prepare(struct prepared *prepared, const struct plan *plan, bootdisk_installer *install,
            struct error *e);

/* Adds the parameter to the plan that tells init which disks are blank. */
void prepared_tell(const struct prepared *prepared, struct plan *plan);

/* Removes the disk images and EFI variables that a failed start has made, unless they were written
 * to since. The locks are still held, so no other run-vm uses them. */
void prepared_undo(const struct prepared *prepared);

/* Lets the programs started from now on inherit the locks. A QEMU that survives a killed run-vm
 * (-runas, or a script that starts it) thus keeps its files locked. */
void prepared_pass_on(const struct prepared *prepared);

void prepared_free(struct prepared *prepared);
