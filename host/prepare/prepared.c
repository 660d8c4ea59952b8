/* SPDX-License-Identifier: MIT */
#include "host/prepare/prepared.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "host/cache/cache.h"
#include "host/prepare/waitlock.h"

void prepared_hold(struct prepared *prepared, int fd)
{
    prepared->held =
        xreallocarray(prepared->held, prepared->held_count + 1, sizeof *prepared->held);
    prepared->held[prepared->held_count++] = fd;
}

void prepared_hold_entry(struct prepared *prepared, int lock)
{
    prepared_hold(prepared, lock);
    prepared->entries =
        xreallocarray(prepared->entries, prepared->entry_count + 1, sizeof *prepared->entries);
    prepared->entries[prepared->entry_count++] = lock;
}

/* True if the file behind `fd` is locked already. */
static bool is_held(const struct prepared *prepared, int fd)
{
    struct stat st;
    struct stat held;
    if (fstat(fd, &st) < 0)
        return false;
    for (size_t i = 0; i < prepared->held_count; i++)
        if (fstat(prepared->held[i], &held) == 0 && held.st_ino == st.st_ino &&
            held.st_dev == st.st_dev)
            return true;
    return false;
}

int prepared_lock(struct prepared *prepared, const char *path, const char *what, int operation,
                  struct error *e)
{
    int fd CLEANUP_CLOSE = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || is_held(prepared, fd))
        return 0; /* it does not exist yet; or QEMU will report why it cannot be opened */
    int r = waitlock_take(fd, operation);
    if (r == 0) {
        prepared_hold(prepared, TAKE_FD(fd));
        return 0;
    }
    if (r != -EWOULDBLOCK)
        return 0;
    return error_set(e, -EBUSY,
                     "%s: in use by another run-vm; end that one first, or give "
                     "this one a %s of its own",
                     path, what);
}

void prepared_note_made(struct prepared *prepared, const char *path)
{
    struct stat state;
    if (lstat(path, &state) < 0)
        return;
    prepared->made =
        xreallocarray(prepared->made, prepared->made_count + 1, sizeof *prepared->made);
    prepared->made[prepared->made_count++] =
        (struct made_file){.path = xstrdup(path), .state = state};
}

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Compares inode, size and times: a write changes one of them at least. */
static bool is_untouched(const struct made_file *made)
{
    const struct stat *then = &made->state;
    struct stat now;
    return lstat(made->path, &now) == 0 && now.st_dev == then->st_dev &&
           now.st_ino == then->st_ino && now.st_size == then->st_size &&
           now.st_blocks == then->st_blocks && is_same_time(&now.st_mtim, &then->st_mtim) &&
           is_same_time(&now.st_ctim, &then->st_ctim);
}

void prepared_undo(const struct prepared *prepared)
{
    for (size_t i = 0; i < prepared->made_count; i++)
        if (is_untouched(&prepared->made[i]))
            (void)unlink(prepared->made[i].path);
}

void prepared_pass_on(const struct prepared *prepared)
{
    for (size_t i = 0; i < prepared->held_count; i++)
        (void)fcntl(prepared->held[i], F_SETFD, 0);
}

void prepared_free(struct prepared *prepared)
{
    for (size_t i = prepared->temporary.count; i > 0; i--) {
        struct error e CLEANUP_ERROR = {0};
        if (idmap_remove_tree(prepared->identities, prepared->temporary.items[i - 1], &e) < 0)
            log_warning("%s", e.message);
    }
    strv_free(&prepared->temporary);
    for (size_t i = 0; i < prepared->entry_count; i++)
        cache_touch(prepared->entries[i]);
    free(prepared->entries);
    for (size_t i = 0; i < prepared->held_count; i++)
        (void)close(prepared->held[i]);
    free(prepared->held);
    for (size_t i = 0; i < prepared->made_count; i++)
        free(prepared->made[i].path);
    free(prepared->made);
    strv_free(&prepared->stamped);
    strv_free(&prepared->words);
    *prepared = (struct prepared){0};
}
