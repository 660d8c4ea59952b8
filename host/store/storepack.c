/* SPDX-License-Identifier: MIT */
#include "host/store/storepack.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "host/system/signals.h"

/* Interval between attempts to take the lock, in milliseconds. */
#define LOCK_INTERVAL 50

void storepack_close(struct storepack *pack)
{
    /* gives back the space of what was not committed; the next collection does it otherwise */
    if (pack->path && pack->data >= 0)
        (void)!ftruncate(pack->data, (off_t)pack->size);
    free(TAKE(pack->path));
    packindex_free(&pack->index);
    cleanup_close(&pack->data);
    cleanup_close(&pack->directory);
}

/* Locks the directory. Returns 0 or a negative errno with the reason. */
static int lock(const struct storepack *pack, struct error *e)
{
    struct pollfd signals = {signals_fd(), POLLIN, 0};
    while (flock(pack->directory, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return error_set(e, -EROFS, "%s: cannot be locked: %s", pack->path, strerror(errno));
        int r = signals_check(e);
        if (r < 0)
            return r;
        (void)poll(&signals, 1, LOCK_INTERVAL);
    }
    return 0;
}

static char *data_name(const struct storepack *pack)
{
    return xasprintf(STOREPACK_DATA "%s", pack->index.number);
}

char *storepack_data(const struct storepack *pack)
{
    return xasprintf("%s/" STOREPACK_DATA "%s", pack->path, pack->index.number);
}

/* Opens the file of pieces. QEMU opens it too, and must not be able to write to it: nobody may, but
 * who has just opened it here. */
static int open_data(const struct storepack *pack, int flags)
{
    char *name CLEANUP_FREE = data_name(pack);
    (void)!fchmodat(pack->directory, name, 0600, 0);
    int fd = openat(pack->directory, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | flags, 0600);
    if (fd >= 0 && fchmod(fd, 0444) == 0)
        return fd;
    int number = errno;
    cleanup_close(&fd);
    return -number;
}

/* Opens the pack that the index describes. A new piece comes behind everything that is in the file:
 * a view may need what the index has lost, and what a killed process has left is no hole. Returns
 * 0, or -ENOENT if there is none that has all pieces. */
static int open_existing(struct storepack *pack)
{
    struct stat st;
    if (packindex_read(&pack->index, pack->directory) < 0)
        return -ENOENT;
    pack->written = pack->index.count;
    pack->data = open_data(pack, 0);
    if (pack->data >= 0 && fstat(pack->data, &st) == 0 &&
        (pack->index.count == 0 || (uint64_t)st.st_size >= pack->index.end)) {
        pack->size = (uint64_t)st.st_size;
        if (pack->size > pack->index.end)
            pack->index.end = packindex_next(pack->size);
        return 0;
    }
    log_debug("%s: the store pack is damaged, and begun anew", pack->path);
    cleanup_close(&pack->data);
    return -ENOENT;
}

/* Begins a new pack. The file of an old one stays, as long as views of it do. */
static int begin(struct storepack *pack, struct error *e)
{
    packindex_start(&pack->index);
    pack->written = 0;
    pack->size = 0;
    pack->data = open_data(pack, O_CREAT | O_EXCL);
    if (pack->data < 0)
        return error_errno(e, -pack->data, "%s", pack->path);
    int r = packindex_replace(&pack->index, pack->directory, e);
    return r < 0 ? error_context(e, r, "%s", pack->path) : 0;
}

/* Opens the pack's directory. Returns 0 or a negative errno with the reason. */
static int open_directory(struct storepack *pack, const char *cache, struct error *e)
{
    pack->path = xasprintf("%s/" STOREPACK_NAME, cache);
    pack->directory = open(pack->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return pack->directory < 0 ? error_errno(e, errno, "%s", pack->path) : 0;
}

int storepack_open(struct storepack *pack, const char *cache, struct error *e)
{
    char *path CLEANUP_FREE = xasprintf("%s/" STOREPACK_NAME, cache);
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return error_errno(e, errno, "%s", path);
    int r = open_directory(pack, cache, e);
    if (r == 0)
        r = lock(pack, e);
    if (r < 0)
        return r;
    return open_existing(pack) == 0 ? 0 : begin(pack, e);
}

int storepack_try(struct storepack *pack, const char *cache, struct error *e)
{
    int r = open_directory(pack, cache, e);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    if (flock(pack->directory, LOCK_EX | LOCK_NB) < 0)
        return 0;
    if (open_existing(pack) < 0)
        packindex_free(&pack->index);
    return 1;
}

void storepack_open_image(struct storepack *pack, int file)
{
    packindex_start(&pack->index);
    pack->data = file;
}

int storepack_add(struct storepack *pack, int directory, const char *name, const char *identity,
                  struct packindex_piece *piece, struct error *e)
{
    const struct packindex_piece *found = packindex_find(&pack->index, name, identity);
    if (found) {
        *piece = *found;
        return 0;
    }
    *piece = (struct packindex_piece){.piece.base = pack->index.end};
    int r = erofspiece_write(&piece->piece, pack->data, directory, name, e);
    if (r < 0)
        return r;
    piece->name = xstrdup(name);
    piece->identity = xstrdup(identity);
    packindex_add(&pack->index, piece);
    return 0;
}

int storepack_commit(struct storepack *pack, struct error *e)
{
    if (pack->index.count == pack->written)
        return 0;
    /* with all of the last cluster */
    int r = ftruncate(pack->data, (off_t)pack->index.end) < 0 ? -errno : 0;
    if (r == 0 && pack->path && fdatasync(pack->data) < 0)
        r = -errno;
    if (r < 0)
        return error_errno(e, -r, "the store pack");
    if (pack->path)
        r = packindex_append(&pack->index, pack->directory, pack->written, e);
    if (r < 0)
        return error_context(e, r, "%s", pack->path);
    pack->written = pack->index.count;
    pack->size = pack->index.end;
    return 0;
}

char *storepack_identify(const char *cache)
{
    struct storepack pack CLEANUP_STOREPACK = STOREPACK_INIT;
    pack.path = xasprintf("%s/" STOREPACK_NAME, cache);
    pack.directory = open(pack.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (pack.directory < 0 || packindex_read_number(&pack.index, pack.directory) < 0)
        return NULL;
    return storepack_data(&pack);
}
