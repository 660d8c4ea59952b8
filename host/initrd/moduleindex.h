/* SPDX-License-Identifier: MIT */
/* Indexes in which libkmod looks modules up (modules.dep.bin, modules.alias.bin …), as described in
 * kmod's libkmod/libkmod-index.h: a trie whose nodes refer to each other by offsets. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct module_index_entry {
    char *key; /* ASCII */
    char *value;
    uint32_t priority; /* lower is found first */
};

struct module_index {
    struct module_index_entry *entries;
    size_t count;
};

/* Adds an entry; the index owns both strings afterwards. */
void moduleindex_add(struct module_index *index, char *key, char *value, uint32_t priority);

/* Sorts the entries and returns the content of the file; the caller frees. An index without entries
 * is valid, too. */
char *moduleindex_format(struct module_index *index, size_t *size);

/* Parses the content of a file, which need not be trusted: a damaged or malicious one gives -EINVAL
 * with the reason, and no index. Sorts the entries by key and priority. */
int moduleindex_parse(struct module_index *index, const char *data, size_t size, struct error *e);

/* Returns the first entry with this key, or NULL. */
const struct module_index_entry *moduleindex_find(const struct module_index *index,
                                                  const char *key);

void moduleindex_free(struct module_index *index);
