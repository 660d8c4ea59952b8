/* SPDX-License-Identifier: MIT */
#include "host/store/packcollect.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/strv.h"
#include "base/text.h"
#include "host/cache/cacheitems.h"
#include "host/cache/cachepieces.h"
#include "host/store/packindex.h"
#include "host/store/storepack.h"

/* The needs of the views in the cache. */
struct needs {
    struct strv files; /* the names of files of pieces, each as often as a view has it */
    const char *file;  /* the pack's, of which the parts are */
    struct cachepieces_part *parts; /* by base; some several times */
    size_t count;
};

static void free_needs(struct needs *needs)
{
    strv_free(&needs->files);
    free(needs->parts);
}

/* Adds the needs of an entry. A record that cannot be read is an error: its pieces are unknown. */
static int add_entry(struct needs *needs, int cache, const char *name)
{
    struct cachepieces pieces CLEANUP_CACHEPIECES = {0};
    int entry CLEANUP_CLOSE = openat(cache, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (entry < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
    int r = cachepieces_read(&pieces, entry);
    if (r < 0 || !pieces.file)
        return r;
    strv_push(&needs->files, pieces.file);
    for (size_t i = 0; streq(pieces.file, needs->file) && i < pieces.count; i++)
        ARRAY_PUSH(needs->parts, needs->count, pieces.parts[i]);
    return 0;
}

static int by_base(const void *left, const void *right)
{
    const struct cachepieces_part *a = left;
    const struct cachepieces_part *b = right;
    return a->base < b->base ? -1 : a->base > b->base;
}

/* Reads the needs of all entries, those that are being removed included. */
static int read_needs(struct needs *needs, const char *cache)
{
    DIR *stream = opendir(cache);
    int r = 0;
    if (!stream)
        return -errno;
    for (const struct dirent *entry; r == 0 && (entry = readdir(stream));)
        if (cacheitems_is_entry(entry->d_name))
            r = add_entry(needs, dirfd(stream), entry->d_name);
    (void)closedir(stream);
    if (needs->count > 0)
        qsort(needs->parts, needs->count, sizeof *needs->parts, by_base);
    return r;
}

static bool is_needed(const struct needs *needs, const struct packindex_piece *piece)
{
    const struct cachepieces_part part = {.base = piece->piece.base};
    return needs->count > 0 &&
           bsearch(&part, needs->parts, needs->count, sizeof *needs->parts, by_base);
}

/* Removes the files of pieces that no view needs, `keep` excepted (NULL: none is). */
static void remove_files(const struct needs *needs, int directory, const char *keep)
{
    int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = copy < 0 ? NULL : fdopendir(copy);
    if (!stream) {
        cleanup_close(&copy);
        return;
    }
    for (const struct dirent *file; (file = readdir(stream));)
        if (startswith(file->d_name, STOREPACK_DATA) &&
            !strv_contains(&needs->files, file->d_name) && !(keep && streq(file->d_name, keep)))
            (void)unlinkat(directory, file->d_name, 0);
    (void)closedir(stream);
}

/* Drops from memory the pieces that are not needed. Returns true if there was one. */
static bool drop(struct packindex *index, const struct needs *needs)
{
    size_t kept = 0;
    size_t count = index->count;
    index->end = PACKINDEX_HEAD;
    for (size_t i = 0; i < count; i++) {
        struct packindex_piece piece = index->pieces[i];
        if (is_needed(needs, &piece)) {
            index->pieces[kept++] = piece;
            index->end = packindex_next(piece.piece.base + piece.piece.bytes);
        } else {
            free(piece.name);
            free(piece.identity);
        }
    }
    index->count = kept;
    return kept < count;
}

/* Gives back the space between the parts that are needed, whether the index names them or not. Does
 * so again where that was done before: a run-vm that was killed has perhaps only written the index.
 * Returns false if the filesystem cannot take it back. */
static bool punch(struct storepack *pack, const struct needs *needs)
{
    uint64_t from = PACKINDEX_HEAD;
    bool given = true;
    for (size_t i = 0; i < needs->count; i++) {
        const struct cachepieces_part *part = &needs->parts[i];
        if (part->base > from && fallocate(pack->data, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                           (off_t)from, (off_t)(part->base - from)) < 0)
            given = false;
        uint64_t end = packindex_next(part->base + part->bytes);
        from = end > from ? end : from;
    }
    if (from < pack->size && ftruncate(pack->data, (off_t)from) == 0)
        pack->size = from;
    return given;
}

/* True if most of the file is of no use. */
static bool is_wasteful(const struct storepack *pack)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < pack->index.count; i++)
        bytes += packindex_next(pack->index.pieces[i].piece.bytes);
    return bytes < (pack->size - PACKINDEX_HEAD) / 2;
}

/* Lets the next writer begin a new pack. */
static int remove_index(const struct storepack *pack, struct error *e)
{
    if (unlinkat(pack->directory, PACKINDEX_NAME, 0) < 0 && errno != ENOENT)
        return error_errno(e, errno, PACKINDEX_NAME);
    return 0;
}

/* Writes the new index, and only then drops what it no longer names. */
static int collect(struct storepack *pack, const struct needs *needs, struct error *e)
{
    bool dropped = drop(&pack->index, needs);
    bool empty = pack->index.count == 0;
    int r = empty     ? remove_index(pack, e)
            : dropped ? packindex_replace(&pack->index, pack->directory, e)
                      : 0;
    if (r < 0)
        return error_context(e, r, "%s", pack->path);
    remove_files(needs, pack->directory, empty ? NULL : needs->file);
    if (!empty && !punch(pack, needs) && is_wasteful(pack))
        r = remove_index(pack, e);
    return r < 0 ? error_context(e, r, "%s", pack->path) : 0;
}

/* Writes back what has been removed from the cache: a view that comes again with a power loss must
 * not find its pieces gone. */
static int settle(const char *cache)
{
    int directory CLEANUP_CLOSE = open(cache, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return directory < 0 || fsync(directory) < 0 ? -errno : 0;
}

int packcollect(const char *cache, struct error *e)
{
    struct storepack pack CLEANUP_STOREPACK = STOREPACK_INIT;
    struct needs needs CLEANUP(free_needs) = {0};
    int r = storepack_try(&pack, cache, e);
    if (r <= 0)
        return r;
    char *data CLEANUP_FREE = storepack_data(&pack);
    needs.file = text_after_last(data, '/');
    r = read_needs(&needs, cache);
    if (r == 0)
        r = settle(cache);
    return r < 0 ? error_errno(e, -r, "%s", cache) : collect(&pack, &needs, e);
}

bool packcollect_measure(const char *cache, struct packcollect_usage *usage)
{
    struct packindex index CLEANUP_PACKINDEX = {0};
    struct needs needs CLEANUP(free_needs) = {0};
    char *path CLEANUP_FREE = xasprintf("%s/" STOREPACK_NAME, cache);
    int directory CLEANUP_CLOSE = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (directory < 0 || packindex_read(&index, directory) < 0)
        return false;
    char *file CLEANUP_FREE = xasprintf(STOREPACK_DATA "%s", index.number);
    needs.file = file;
    (void)read_needs(&needs, cache);
    *usage = (struct packcollect_usage){.pieces = index.count};
    for (size_t i = 0; i < index.count; i++) {
        usage->bytes += index.pieces[i].piece.bytes;
        if (is_needed(&needs, &index.pieces[i]))
            usage->needed += index.pieces[i].piece.bytes;
    }
    return true;
}
