/* SPDX-License-Identifier: MIT */
#include "host/store/erofsdirectory.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "host/store/erofsdisk.h"

static int by_name(const void *left, const void *right)
{
    const struct erofsdirectory_entry *a = left;
    const struct erofsdirectory_entry *b = right;
    return strcmp(a->name, b->name);
}

void erofsdirectory_sort(struct erofsdirectory_entry *entries, size_t count)
{
    qsort(entries, count, sizeof *entries, by_name);
}

/* Returns the type in an entry, one of those of readdir(3) numbered anew. */
static uint8_t type_of(mode_t mode)
{
    static const mode_t types[] = {0,       S_IFREG, S_IFDIR,  S_IFCHR,
                                   S_IFBLK, S_IFIFO, S_IFSOCK, S_IFLNK};
    for (size_t i = 1; i < ELEMENTS(types); i++)
        if ((mode & S_IFMT) == types[i])
            return (uint8_t)i;
    return 0;
}

/* Counts the entries that fit into the next block, and sums up their bytes. */
static size_t fit_block(const struct erofsdirectory_entry *entries, size_t count, uint64_t *bytes)
{
    size_t fitting = 0;
    for (*bytes = 0; fitting < count; fitting++) {
        uint64_t more = sizeof(struct erofs_entry) + strlen(entries[fitting].name);
        if (*bytes + more > EROFS_BLOCK)
            break;
        *bytes += more;
    }
    return fitting;
}

static void fill_block(const struct erofsdirectory_entry *entries, size_t count,
                       unsigned char *block)
{
    size_t name = count * sizeof(struct erofs_entry);
    for (size_t i = 0; i < count; i++) {
        const struct erofs_entry entry = {.inode = htole64(entries[i].inode),
                                          .name = htole16((uint16_t)name),
                                          .type = type_of(entries[i].mode)};
        size_t length = strlen(entries[i].name);
        (void)memcpy(block + i * sizeof entry, &entry, sizeof entry);
        (void)memcpy(block + name, entries[i].name, length);
        name += length;
    }
}

uint64_t erofsdirectory_fill(const struct erofsdirectory_entry *entries, size_t count,
                             unsigned char *content)
{
    uint64_t size = 0;
    for (size_t done = 0; done < count;) {
        uint64_t bytes = 0;
        size_t fitting = fit_block(entries + done, count - done, &bytes);
        if (content)
            fill_block(entries + done, fitting, content + size);
        done += fitting;
        size += done < count ? EROFS_BLOCK : bytes;
    }
    return size;
}
