/* SPDX-License-Identifier: MIT */
/* Entries of virtualisation.qemu.options and qemu.networkingOptions. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

/* The text belongs to the JSON value. */
struct qemu_entry {
    bool built_in;    /* the text is the name of options that the plan adds, such as "nic" */
    const char *text; /* otherwise as written: neither expanded nor split yet */
};

struct qemu_entries {
    struct qemu_entry *items;
    size_t count;
};

/* The value of a built-in entry with that name; a new reference. */
json_t *qemu_entry_built_in(const char *name);

/* The name of a built-in entry; NULL: the value is none. */
const char *qemu_entry_name(const json_t *value);

/* Decodes the value of an option. */
void qemu_entry_decode(struct qemu_entries *entries, const json_t *value);

void qemu_entry_free(struct qemu_entries *entries);
