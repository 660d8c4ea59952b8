/* SPDX-License-Identifier: MIT */
#include "host/store/storeview.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/cache/cachepieces.h"
#include "host/store/packcollect.h"
#include "host/store/packview.h"
#include "host/store/storenames.h"
#include "host/store/storepack.h"
#include "host/system/progress.h"
#include "host/system/signals.h"

/* Version of the format; increased when the same inputs shall give other bytes. */
#define FORMAT 1

/* A view being made. */
struct making {
    const struct storepaths *paths;
    const struct strv *identities; /* of the paths, see cacheinfo_identify_link() */
    struct storepack *pack;
    struct packindex_piece *pieces; /* one for each path */
};

/* Notes what the paths are before any is read: one that changes meanwhile is read again next time.
 */
static void identify(struct strv *identities, const struct storepaths *paths)
{
    for (size_t i = 0; i < paths->paths.count; i++) {
        char id[CACHEINFO_IDENTITY];
        char *path CLEANUP_FREE = xasprintf("%s%s", paths->prefix, paths->paths.items[i]);
        cacheinfo_identify_link(path, id);
        strv_push(identities, id);
    }
}

/* Fills in the key of the view that the pack in this file has of the paths. */
static void fill_key(struct cache_key *key, const char *data, const struct making *making)
{
    cache_key_start(key, "storeview", FORMAT);
    cache_key_text(key, data);
    cache_key_text(key, making->paths->prefix);
    for (size_t i = 0; i < making->paths->paths.count; i++) {
        cache_key_text(key, making->paths->paths.items[i]);
        cache_key_text(key, making->identities->items[i]);
    }
}

/* Opens the directory of a path, unless it is that of the path before. */
static int open_directory(const struct storepaths *paths, size_t i, int *directory, struct error *e)
{
    const char *path = paths->paths.items[i];
    size_t length = (size_t)(text_after_last(path, '/') - path);
    if (i > 0 && strncmp(path, paths->paths.items[i - 1], length) == 0 &&
        !strchr(paths->paths.items[i - 1] + length, '/'))
        return 0;
    char *found CLEANUP_FREE = storepaths_directory(paths->prefix, path, e);
    if (!found)
        return -ENOENT;
    cleanup_close(directory);
    *directory = open(found, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *directory < 0 ? error_errno(e, errno, "%s", found) : 0;
}

/* Finds or adds one path; `directory` is that of the path before. */
static int add_path(struct making *making, size_t i, int *directory, struct error *e)
{
    const char *path = making->paths->paths.items[i];
    int r = open_directory(making->paths, i, directory, e);
    if (r < 0)
        return error_context(e, r, "%s", path);
    r = storepack_add(making->pack, *directory, text_after_last(path, '/'),
                      making->identities->items[i], &making->pieces[i], e);
    return r < 0 && r != -ECANCELED ? error_context(e, r, "%s", path) : r;
}

static int by_name(const void *left, const void *right)
{
    const struct packindex_piece *a = left;
    const struct packindex_piece *b = right;
    return strcmp(a->name, b->name);
}

/* Sorts the pieces. Paths of two directories may have the same name. */
static int sort(const struct making *making, struct error *e)
{
    size_t count = making->paths->paths.count;
    qsort(making->pieces, count, sizeof *making->pieces, by_name);
    for (size_t i = 1; i < count; i++)
        if (streq(making->pieces[i].name, making->pieces[i - 1].name))
            return error_set(e, -EEXIST, "two of its paths are called %s", making->pieces[i].name);
    return 0;
}

/* Finds or adds all paths. */
static int add_paths(struct making *making, struct error *e)
{
    const struct storepaths *paths = making->paths;
    char *detail CLEANUP_FREE = xasprintf("made of %zu paths", paths->paths.count);
    struct progress progress =
        progress_start("store image", detail, PROGRESS_ITEMS, paths->paths.count);
    int directory CLEANUP_CLOSE = -1;
    int r = 0;
    making->pieces = xcalloc(paths->paths.count + 1, sizeof *making->pieces);
    for (size_t i = 0; r == 0 && i < paths->paths.count; i++) {
        r = add_path(making, i, &directory, e);
        progress_show(&progress, i + 1);
        if (r == 0)
            r = signals_check(e);
    }
    if (r == 0)
        r = sort(making, e);
    if (r == 0)
        r = storepack_commit(making->pack, e);
    progress_end(&progress);
    return r;
}

/* Writes the image of the pieces. `backing` is NULL for one that contains them. */
static int write_image(const struct making *making, const char *backing, int fd, struct error *e)
{
    const struct packview view = {.pieces = making->pieces,
                                  .count = making->paths->paths.count,
                                  .backing = backing,
                                  .end = making->pack->index.end};
    return packview_write(&view, fd, e);
}

/* A cache_maker: writes a view, and the record of the pieces that it needs. */
static int make_view(const char *directory, struct cache_inputs *inputs, void *context,
                     struct error *e)
{
    (void)inputs;
    const struct making *making = context;
    char *path CLEANUP_FREE = xasprintf("%s/" STOREIMAGE_NAME, directory);
    char *backing CLEANUP_FREE = storepack_data(making->pack);
    int fd CLEANUP_CLOSE = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_errno(e, errno, "%s", path);
    int r = write_image(making, backing, fd, e);
    if (r < 0)
        return error_context(e, r, "%s", path);
    struct cachepieces pieces CLEANUP_CACHEPIECES = {
        .file = xstrdup(text_after_last(backing, '/')),
        .parts = xcalloc(making->paths->paths.count + 1, sizeof *pieces.parts)};
    for (; pieces.count < making->paths->paths.count; pieces.count++) {
        const struct erofspiece *piece = &making->pieces[pieces.count].piece;
        pieces.parts[pieces.count] = (struct cachepieces_part){piece->base, piece->bytes};
    }
    return cachepieces_write(&pieces, directory, e);
}

/* A cache_maker: writes an image that contains the pieces. */
static int make_image(const char *directory, struct cache_inputs *inputs, void *context,
                      struct error *e)
{
    (void)inputs;
    struct storepack pack CLEANUP_STOREPACK = STOREPACK_INIT;
    struct making making = *(const struct making *)context;
    making.pack = &pack;
    char *path CLEANUP_FREE = xasprintf("%s/" STOREIMAGE_NAME, directory);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_errno(e, errno, "%s", path);
    storepack_open_image(&pack, fd);
    int r = add_paths(&making, e);
    if (r == 0)
        r = write_image(&making, NULL, fd, e);
    free(making.pieces);
    return r < 0 && r != -ECANCELED ? error_context(e, r, "%s: cannot be made", path) : r;
}

/* Looks for a view in the cache, and needs no lock for it: its pieces stay as long as it does. */
static int find_view(struct cache_entry *entry, const char *cache, const struct making *making)
{
    char *data CLEANUP_FREE = storepack_identify(cache);
    struct cache_key key;
    if (!data)
        return -ENOENT;
    fill_key(&key, data, making);
    return cache_get(entry, &(struct cache_request){.kind = "store", .key = &key}, NULL);
}

/* Adds to the pack what is missing and makes the view, the pack being locked until the view is in
 * the cache: what no view needs may be collected. */
static int get_packed(struct cache_entry *entry, const char *cache, const struct making *wanted,
                      struct error *e)
{
    struct storepack pack CLEANUP_STOREPACK = STOREPACK_INIT;
    struct making making = *wanted;
    making.pack = &pack;
    struct cache_key key;
    int r = storepack_open(&pack, cache, e);
    if (r == 0)
        r = add_paths(&making, e);
    if (r == 0) {
        char *data CLEANUP_FREE = storepack_data(&pack);
        fill_key(&key, data, &making);
        r = cache_get(entry,
                      &(struct cache_request){
                          .kind = "store", .key = &key, .make = make_view, .context = &making},
                      e);
    }
    free(making.pieces);
    return r;
}

int storeview_get(struct cache_entry *entry, const struct storepaths *paths, const char *fallback,
                  struct error *e)
{
    struct error problem CLEANUP_ERROR = {0};
    char *cache CLEANUP_FREE = cache_open(&problem);
    struct strv identities CLEANUP_STRV = {0};
    struct making making = {.paths = paths, .identities = &identities};
    identify(&identities, paths);
    if (cache && find_view(entry, cache, &making) == 0)
        return 0;
    int r = cache ? get_packed(entry, cache, &making, &problem) : 0;
    if (cache && r == 0) {
        (void)packcollect(cache, NULL);
        return 0;
    }
    /* nor can QEMU be told of a cache whose path is too long */
    if (cache && !cache_is_unusable(r) && r != -ENAMETOOLONG)
        return error_status(e, error_set(e, r, "%s", problem.message), problem.status);
    struct cache_key key;
    cache_key_start(&key, "storeview", FORMAT);
    return cache_make_elsewhere(entry,
                                &(struct cache_request){.kind = "store",
                                                        .key = &key,
                                                        .make = make_image,
                                                        .context = &making,
                                                        .fallback = fallback},
                                problem.message, e);
}
