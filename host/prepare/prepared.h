/* SPDX-License-Identifier: MIT */
/* Resources that a start holds while its machine runs: temporary directories, locks, files that it
 * has made. */
#pragma once

#include <stddef.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/strv.h"
#include "host/prepare/bootdisk.h"
#include "host/system/idmap.h"

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

/* The same for one that locks a cache entry; prepared_free() sets the time of the entry's last use.
 */
void prepared_hold_entry(struct prepared *prepared, int lock);

/* Locks an image or directory, `what`, against a second run-vm by flock(2), which does not conflict
 * with QEMU's own locks (fcntl). Returns 0, or -EBUSY with the reason; 0 also if there is no such
 * file, or it cannot be locked. */
int prepared_lock(struct prepared *prepared, const char *path, const char *what, int operation,
                  struct error *e);

/* Notes a file that this start has made, for prepared_undo(). */
void prepared_note_made(struct prepared *prepared, const char *path);

/* Removes the disk images and EFI variables that a failed start has made, unless they were written
 * to since. The locks are still held, so no other run-vm uses them. */
void prepared_undo(const struct prepared *prepared);

/* Lets the programs started from now on inherit the locks. A QEMU that survives a killed run-vm
 * (-runas, or a script that starts it) thus keeps its files locked. */
void prepared_pass_on(const struct prepared *prepared);

void prepared_free(struct prepared *prepared);
