/* SPDX-License-Identifier: MIT */
/* Entries of the Boot Loader Specification (type 1), and those of their kernel parameters that are
 * of use to a machine whose root is a directory. */
#pragma once

#include "base/strv.h"

struct boot_entry {
    char *kernel;           /* path on the partition of the entries; NULL: the entry has none */
    char *version;          /* NULL: not given */
    struct strv parameters; /* each quoted as the kernel wants it */
};

/* struct boot_entry entry CLEANUP_BOOT_ENTRY = {0}; */
#define CLEANUP_BOOT_ENTRY CLEANUP(bootentry_free)

/* Reads the text of an entry. Leaves out parameters that name disks, memory for crash dumps, what a
 * boot loader adds or should have replaced, and those of our init. Cannot fail: lines that are none
 * of the specification have no effect. */
void bootentry_parse(struct boot_entry *entry, const char *text);

void bootentry_free(struct boot_entry *entry);
