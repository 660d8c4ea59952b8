/* SPDX-License-Identifier: MIT */
#include "host/cache/cacheitems.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/text.h"
#include "host/cache/cachepieces.h"
#include "host/system/atomicfile.h"
#include "host/system/message.h"
#include "host/system/tree.h"

/* Age in seconds below which a leftover stays: its maker may not have locked it yet. */
#define NEW 60

static bool is_leftover(const char *name)
{
    static const char *const leftovers[] = {CACHEITEMS_NEW, CACHEITEMS_OLD};
    for (size_t i = 0; i < ELEMENTS(leftovers); i++)
        if (startswith(name, leftovers[i]))
            return true;
    return false;
}

/* The directory is shared with libraries and kernels built from source, which must not be removed.
 * An entry's name ends with its number; a leftover's begins with a prefix of ours. */
bool cacheitems_is_entry(const char *name)
{
    const char *number = strrchr(name, '-');
    return is_leftover(name) ||
           (number && strlen(number + 1) == CACHEITEMS_NUMBER_LENGTH &&
            strspn(number + 1, "0123456789abcdef") == CACHEITEMS_NUMBER_LENGTH);
}

/* Returns the disk usage of the files in the directory; entries have no subdirectories. */
static uint64_t bytes_in(int directory)
{
    int copy = fcntl(directory, F_DUPFD_CLOEXEC, 0);
    DIR *stream = copy < 0 ? NULL : fdopendir(copy);
    if (!stream) {
        cleanup_close(&copy);
        return 0;
    }
    uint64_t blocks = 0;
    struct stat st;
    for (const struct dirent *entry; (entry = readdir(stream));)
        if (fstatat(directory, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
            blocks += (uint64_t)st.st_blocks;
    (void)closedir(stream);
    return blocks * 512;
}

static void add_item(struct cache_items *items, int cache, const char *name)
{
    struct stat st;
    int fd CLEANUP_CLOSE = openat(cache, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return;
    const struct cache_item item = {
        .name = xstrdup(name),
        .bytes = bytes_in(fd),
        .last_used = st.st_mtim.tv_sec,
        .in_use = flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK,
    };
    ARRAY_PUSH(items->items, items->count, item);
}

/* A part of a large file, and the entry that uses it. */
struct use {
    const char *file;
    struct cachepieces_part part;
    size_t item;
};

static bool is_same_part(const struct use *a, const struct use *b)
{
    return a->part.base == b->part.base && streq(a->file, b->file);
}

/* The last user of a part comes first. */
static int by_part(const void *left, const void *right)
{
    const struct use *a = left;
    const struct use *b = right;
    int files = strcmp(a->file, b->file);
    if (files)
        return files;
    if (a->part.base != b->part.base)
        return a->part.base < b->part.base ? -1 : 1;
    return a->item > b->item ? -1 : a->item < b->item;
}

/* Adds to each entry the bytes of the parts that no entry used later needs: when the least recently
 * used entries are removed, that is what becomes free. */
static void add_parts(struct cache_items *items, int cache)
{
    struct cachepieces *pieces CLEANUP_FREE = xcalloc(items->count + 1, sizeof *pieces);
    struct use *uses CLEANUP_FREE = NULL;
    size_t count = 0;
    for (size_t i = 0; i < items->count; i++) {
        int entry CLEANUP_CLOSE =
            openat(cache, items->items[i].name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (entry >= 0)
            (void)cachepieces_read(&pieces[i], entry);
        for (size_t j = 0; j < pieces[i].count; j++)
            ARRAY_PUSH(uses, count, (struct use){pieces[i].file, pieces[i].parts[j], i});
    }
    if (count > 0)
        qsort(uses, count, sizeof *uses, by_part);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || !is_same_part(&uses[i], &uses[i - 1]))
            items->items[uses[i].item].bytes += uses[i].part.bytes;
    for (size_t i = 0; i < items->count; i++)
        cachepieces_free(&pieces[i]);
}

static int by_use(const void *left, const void *right)
{
    const struct cache_item *a = left;
    const struct cache_item *b = right;
    if (a->last_used != b->last_used)
        return a->last_used < b->last_used ? -1 : 1;
    return strcmp(a->name, b->name);
}

int cacheitems_read(struct cache_items *items, const char *cache, struct error *e)
{
    DIR *stream = opendir(cache);
    if (!stream)
        return errno == ENOENT || errno == ENOTDIR ? 0 : error_errno(e, errno, "%s", cache);
    for (const struct dirent *entry; (entry = readdir(stream));)
        if (cacheitems_is_entry(entry->d_name))
            add_item(items, dirfd(stream), entry->d_name);
    if (items->count > 0)
        qsort(items->items, items->count, sizeof *items->items, by_use);
    add_parts(items, dirfd(stream));
    (void)closedir(stream);
    return 0;
}

void cacheitems_free(struct cache_items *items)
{
    for (size_t i = 0; i < items->count; i++)
        free(items->items[i].name);
    free(items->items);
    *items = (struct cache_items){0};
}

char *cacheitems_format(uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    uint64_t tenths = bytes * 10;
    for (; tenths >= 10240 && unit + 1 < ELEMENTS(units); unit++)
        tenths /= 1024;
    return unit == 0
               ? xasprintf("%" PRIu64 " B", bytes)
               : xasprintf("%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10, units[unit]);
}

/* Returns 1 if the entry is gone, 0 if it is in use, or a negative errno. */
static int remove_unless_used(const char *cache, const char *name, bool locked_only,
                              struct error *e)
{
    char *path CLEANUP_FREE = xasprintf("%s/%s", cache, name);
    int fd CLEANUP_CLOSE = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 1 : error_errno(e, errno, "%s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 && (locked_only || errno == EWOULDBLOCK))
        return 0;
    /* renamed first: other starts no longer find the entry and make it anew */
    char random[11];
    atomicfile_random_name(random);
    char *old CLEANUP_FREE = xasprintf("%s/" CACHEITEMS_OLD "%s", cache, random);
    if (rename(path, old) < 0)
        return error_errno(e, errno, "%s: cannot be removed", path);
    int r = tree_remove(old, e);
    return r < 0 ? r : 1;
}

int cacheitems_remove(const char *cache, const char *name, struct error *e)
{
    return remove_unless_used(cache, name, false, e);
}

/* True if the entry has to go by the limits. */
static bool is_too_much(const struct cache_item *item, uint64_t left,
                        const struct cache_limits *limits)
{
    if (limits->locked_only && is_leftover(item->name) && item->last_used > time(NULL) - NEW)
        return false;
    return left > limits->bytes || item->last_used < limits->used_since;
}

int cacheitems_prune(const char *cache, const struct cache_limits *limits, FILE *out,
                     struct error *e)
{
    struct cache_items items CLEANUP_CACHE_ITEMS = {0};
    int result = cacheitems_read(&items, cache, e);
    uint64_t left = 0;
    for (size_t i = 0; i < items.count; i++)
        left += items.items[i].bytes;
    for (size_t i = 0; i < items.count; i++) {
        const struct cache_item *item = &items.items[i];
        if (!is_too_much(item, left, limits))
            continue;
        int r = remove_unless_used(cache, item->name, limits->locked_only, result ? NULL : e);
        char *size CLEANUP_FREE = cacheitems_format(item->bytes);
        char *name CLEANUP_FREE = message_clean(item->name);
        if (r < 0)
            result = result ? result : r;
        else if (out)
            (void)fprintf(out, "%s %s (%s)\n", r ? "removed" : "in use:", name, size);
        if (r > 0)
            left -= item->bytes;
    }
    return result;
}
