/* SPDX-License-Identifier: MIT */
/* Any index of modules is read, or refused with a reason; an index that was read can be written and
 * read again. Any module signature yields a hash or none. */
#include "base/text.h"
#include "host/initrd/moduleindex.h"
#include "host/initrd/modulesign.h"
#include "host/initrd/modulesource.h"
#include "tests/fuzz/fuzz.h"

static void look_up(const struct module_index *index)
{
    struct module_source source = {
        .root = "", .directory = "/", .needs = *index, .aliases = *index};
    for (size_t i = 0; i < index->count && i < 8; i++) {
        struct strv names CLEANUP_STRV = {0};
        must(moduleindex_find(index, index->entries[i].key));
        (void)modulesource_match(&source, index->entries[i].value, &names);
    }
}

/* Only distinct ASCII keys can be written. */
static void write_again(struct module_index *index)
{
    struct module_index again;
    size_t size = 0;
    char *content CLEANUP_FREE = moduleindex_format(index, &size);
    must(moduleindex_parse(&again, content, size, NULL) == 0 && again.count == index->count);
    for (size_t i = 0; i < index->count; i++)
        must(streq(again.entries[i].key, index->entries[i].key) &&
             streq(again.entries[i].value, index->entries[i].value));
    moduleindex_free(&again);
}

static void sign(const uint8_t *data, size_t size)
{
    static const char end[] = "~Module signature appended~\n";
    char *module CLEANUP_FREE = xcalloc(size + sizeof end, 1);
    (void)memcpy(module, data, size);
    (void)memcpy(module + size, end, sizeof end - 1);
    (void)modulesign_hash(module, size + sizeof end - 1);
}

static bool is_ascii(const struct module_index *index)
{
    for (size_t i = 0; i < index->count; i++)
        for (const char *c = index->entries[i].key; *c; c++)
            if (*c & 0x80)
                return false;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct module_index index;
    struct error e CLEANUP_ERROR = {0};
    int r = moduleindex_parse(&index, (const char *)data, size, &e);
    must((r < 0) == (e.message != NULL));
    if (r == 0) {
        look_up(&index);
        if (is_ascii(&index))
            write_again(&index);
        moduleindex_free(&index);
    }
    sign(data, size);
    return 0;
}
