/* SPDX-License-Identifier: MIT */
/* The indexes that libkmod looks modules up in (modules.dep.bin, modules.alias.bin …), as kmod's
 * libkmod/libkmod-index.h describes them: a trie whose nodes are found by their offset. */
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

/* The file's content; the caller frees. An index without entries is a file as well. The entries
 * get sorted. */
char *moduleindex_format(struct module_index *index, size_t *size);

/* Takes in a file's content, whatever it is: an index that is damaged, or made to harm, gives
 * -EINVAL with what is wrong, and no index. The entries are sorted by key and priority. */
int moduleindex_parse(struct module_index *index, const char *data, size_t size, struct error *e);

/* The first entry with this key; NULL: there is none. */
const struct module_index_entry *moduleindex_find(const struct module_index *index,
                                                  const char *key);

void moduleindex_free(struct module_index *index);
