/* SPDX-License-Identifier: MIT */
/* Carries out plan.files: what has to be there before QEMU starts. Everything appears under its
 * name whole or not at all, nothing that exists is overwritten unless the plan says so. */
#pragma once

#include <stddef.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/strv.h"
#include "host/plan/plan.h"
#include "host/prepare/bootdisk.h"

/* A file that this start has made, and its state right then. */
struct made_file {
    char *path;
    struct stat state;
};

/* What a start holds until it ends. Its end (CLEANUP_PREPARED) removes the temporary directories
 * that are not to be kept and gives the disk images and cache entries free again. */
struct prepared {
    struct strv temporary; /* directories to remove */
    int *held;             /* descriptors that hold a lock */
    size_t held_count;
    int *entries; /* those that are entries of the cache */
    size_t entry_count;
    struct made_file *made; /* disk images and EFI variables that were not there before */
    size_t made_count;
    struct strv stamped; /* disk images that bear a stamp (common/stamp.h) and nothing else */
    struct strv words;   /* their stamps' */
    bootdisk_installer *install; /* for FILE_BOOT_DISK; NULL: the plan has none */
};

/* struct prepared prepared CLEANUP_PREPARED = {0}; */
#define CLEANUP_PREPARED CLEANUP(prepared_free)

/* Makes the files in the plan's order, a boot disk with `install` (NULL if the plan has none).
 * First every disk image, and the temporary directory, that exists is locked against a second
 * run-vm: where one is in use, nothing is touched. 0, or a negative errno with the reason and, as
 * the error's status, that of the tool that failed (else 74, or 69 for a missing one). */
int prepare(struct prepared *prepared, const struct plan *plan, bootdisk_installer *install,
            struct error *e);

/* Puts into the plan what became known: that there are disks that are blank. */
void prepared_tell(const struct prepared *prepared, struct plan *plan);

/* After a start that failed: removes the disk images and EFI variables that it has made and that
 * nobody has written to since. The locks are held still, so that no other run-vm has them. */
void prepared_undo(const struct prepared *prepared);

/* Lets the programs started from now on inherit the locks: QEMU, which may outlive a run-vm that is
 * killed (-runas, or a script that starts it), then keeps what it uses. */
void prepared_pass_on(const struct prepared *prepared);

void prepared_free(struct prepared *prepared);
