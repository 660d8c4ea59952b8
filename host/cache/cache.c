/* SPDX-License-Identifier: MIT */
#include "host/cache/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/strv.h"
#include "base/text.h"
#include "host/cache/cacheinfo.h"
#include "host/cache/cacheitems.h"
#include "host/system/atomicfile.h"
#include "host/system/leftovers.h"
#include "host/system/path.h"
#include "host/system/signals.h"
#include "host/system/timeline.h"
#include "host/system/tree.h"

/* Lock file that keeps an entry from being made twice: one byte for each key. */
#define LOCKS "locks"

/* Default limit of the cache's size in bytes, unless a tenth of its filesystem is less. */
#define LIMIT (UINT64_C(4) << 30)

void cache_key_text(struct cache_key *key, const char *text)
{
    sha256_feed(&key->hash, text, strlen(text) + 1);
}

void cache_key_start(struct cache_key *key, const char *kind, int format)
{
    sha256_begin(&key->hash);
    char *text CLEANUP_FREE = xasprintf("%s %d", kind, format);
    cache_key_text(key, text);
}

void cache_key_identity(struct cache_key *key, const char *path)
{
    char id[CACHEINFO_IDENTITY];
    cacheinfo_identify(path, id);
    cache_key_text(key, id);
}

void cache_key_file(struct cache_key *key, const char *path)
{
    cache_key_text(key, path);
    cache_key_identity(key, path);
}

void cache_input(struct cache_inputs *inputs, const char *path)
{
    char id[CACHEINFO_IDENTITY];
    cacheinfo_identify(path, id);
    cacheinfo_add(inputs, xasprintf("from %s %s", id, path));
}

char *cache_directory(void)
{
    const char *cache = getenv("XDG_CACHE_HOME");
    if (cache && cache[0] == '/')
        return xasprintf("%s/run-vm", cache);
    const char *home = getenv("HOME");
    return home && home[0] == '/' ? xasprintf("%s/.cache/run-vm", home) : NULL;
}

void cache_touch(int entry)
{
    (void)futimens(entry, NULL); /* fails in a read-only cache, where nothing is removed either */
}

static uint64_t configured_limit;

void cache_set_limit(uint64_t bytes)
{
    configured_limit = bytes;
}

uint64_t cache_default_limit(const char *cache)
{
    struct statvfs fs;
    if (statvfs(cache, &fs) < 0)
        return LIMIT;
    uint64_t tenth = (uint64_t)fs.f_blocks * fs.f_frsize / 10;
    return tenth < LIMIT ? tenth : LIMIT;
}

/* An open cache, and the entry that is looked for or made. */
struct cache {
    const char *path;
    const char *kind;
    const char *key;
    int fd;
};

/* Lists the entries of the kind. */
static void list_entries(const struct cache *cache, struct strv *names)
{
    DIR *stream = opendir(cache->path);
    for (const struct dirent *file; stream && (file = readdir(stream));) {
        const char *number = startswith(file->d_name, cache->kind);
        if (number && *number == '-' && strlen(number + 1) == CACHEITEMS_NUMBER_LENGTH &&
            cacheitems_is_entry(file->d_name))
            strv_push(names, file->d_name);
    }
    if (stream)
        (void)closedir(stream);
}

/* Opens an entry that is complete and unchanged, and locks it against removal. Returns -1 if it is
 * not. */
static int open_whole(const struct cache *cache, const char *name)
{
    int fd = openat(cache->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    struct stat locked;
    struct stat there;
    /* another process may have moved the entry away before it was locked */
    bool moved = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    if (!moved && cacheinfo_is_whole(fd) && fstat(fd, &locked) == 0 &&
        fstatat(cache->fd, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
        locked.st_ino == there.st_ino && locked.st_dev == there.st_dev)
        return fd;
    (void)close(fd);
    return -1;
}

/* Does the same for an entry that is valid for the key. */
static int open_fitting(const struct cache *cache, const char *name)
{
    int fd = open_whole(cache, name);
    if (fd >= 0 && cacheinfo_fits(fd, cache->key))
        return fd;
    cleanup_close(&fd);
    return -1;
}

/* Withdraws an entry's false claim to the key, so that the entry is not tried again. Called with
 * the key locked. */
static void disown(const struct cache *cache, const char *name)
{
    int fd CLEANUP_CLOSE = open_whole(cache, name);
    if (fd >= 0)
        cacheinfo_forget(fd, cache->key);
    else if (unlinkat(cache->fd, name, 0) < 0) /* it is a directory */
        (void)cacheitems_remove(cache->path, name, NULL);
}

/* Finds the entry for the key and locks it against removal. Returns 0, or -ENOENT if there is none.
 * With `clean`, false claims to the key are withdrawn. */
static int take(const struct cache *cache, bool clean, struct cache_entry *entry)
{
    struct strv names CLEANUP_STRV = {0};
    list_entries(cache, &names);
    for (size_t i = 0; i < names.count; i++) {
        char *claim CLEANUP_FREE = cacheinfo_claim(names.items[i], cache->key);
        if (faccessat(cache->fd, claim, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        entry->lock = open_fitting(cache, names.items[i]);
        if (entry->lock >= 0) {
            cache_touch(entry->lock);
            entry->path = xasprintf("%s/%s", cache->path, names.items[i]);
            return 0;
        }
        if (clean)
            disown(cache, names.items[i]);
    }
    return -ENOENT;
}

/* Interval between attempts to take a lock that another process holds, in milliseconds. */
#define LOCK_INTERVAL 50

/* Locks a byte of the file, waiting for its holder unless `impatient`. Returns 0, -EBUSY, or
 * -ECANCELED after a signal. */
static int wait_for_lock(int fd, off_t byte, bool impatient)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    struct pollfd signals = {signals_fd(), POLLIN, 0};
    while (fcntl(fd, F_OFD_SETLK, &lock) < 0) {
        if (errno != EAGAIN && errno != EACCES && errno != EINTR)
            return 0; /* a filesystem without locks: the entry may be made twice, which is harmless
                       */
        if (impatient && errno != EINTR)
            return -EBUSY;
        if (signals_check(NULL) < 0)
            return -ECANCELED;
        (void)poll(&signals, 1, LOCK_INTERVAL);
    }
    return 0;
}

/* Locks a byte of the lock file. Returns a descriptor, whose closing releases the lock, or
 * -errno. */
static int lock_byte(const struct cache *cache, off_t byte, bool impatient)
{
    int fd = openat(cache->fd, LOCKS, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    int r = wait_for_lock(fd, byte, impatient);
    if (r == 0)
        return fd;
    (void)close(fd);
    return r;
}

/* Locks the key: one process at a time makes an entry for it. */
static int lock_key(const struct cache *cache, bool impatient)
{
    char digits[13] = {0};
    (void)memcpy(digits, cache->key, sizeof digits - 1);
    return lock_byte(cache, (off_t)strtoull(digits, NULL, 16), impatient);
}

/* Locks the arrival of new entries. Its byte lies after those of all keys. */
static int lock_arrival(const struct cache *cache)
{
    return lock_byte(cache, (off_t)1 << 48, false);
}

/* Makes a directory for a new entry. Returns its path, which the caller frees, or NULL with errno
 * set. */
static char *new_directory(const char *parent)
{
    char random[11];
    atomicfile_random_name(random);
    char *path = xasprintf("%s/" CACHEITEMS_NEW "%s", parent, random);
    leftovers_note(path);
    if (mkdir(path, 0700) == 0)
        return path;
    free(path);
    return NULL;
}

/* Error of an entry that cannot be cached but can be made elsewhere. */
#define NOT_HERE (-EROFS)

bool cache_is_unusable(int r)
{
    return r == -ENOSPC || r == -EDQUOT || r == -EFBIG || r == NOT_HERE;
}

/* Gives the new entry's key to an entry with the same content. Returns 1, 0 if there is none, or
 * -ECANCELED. */
static int share(const struct cache *cache, int made)
{
    struct strv names CLEANUP_STRV = {0};
    int r = 0;
    list_entries(cache, &names);
    for (size_t i = 0; r == 0 && i < names.count; i++) {
        int other CLEANUP_CLOSE = open_whole(cache, names.items[i]);
        r = other < 0 ? 0 : cacheinfo_is_same(made, other);
        if (r > 0 && cacheinfo_move_key(made, other, cache->key) < 0)
            r = 0;
    }
    return r;
}

/* Gives the new entry a name that was never used before, so that no entry is replaced that another
 * start is about to use. */
static int name_entry(const struct cache *cache, const char *directory, struct error *e)
{
    uint64_t number[2] = {0};
    (void)!getrandom(number, sizeof number, 0);
    char *path CLEANUP_FREE = xasprintf("%s/%s-%016" PRIx64 "%016" PRIx64, cache->path, cache->kind,
                                        number[0], number[1]);
    return rename(directory, path) < 0 ? error_errno(e, errno, "%s", path) : 0;
}

/* Moves the new entry into the cache, where each content exists once. `made` is its open
 * directory. */
static int bring_in(const struct cache *cache, const char *directory, int made, struct error *e)
{
    int arrival CLEANUP_CLOSE = lock_arrival(cache);
    int r = arrival == -ECANCELED ? arrival : share(cache, made);
    if (r == -ECANCELED)
        return signals_check(e);
    return r > 0 ? tree_remove(directory, e) : name_entry(cache, directory, e);
}

/* Makes the entry under a temporary name and moves it into the cache. */
static int make_cached(const struct cache *cache, const struct cache_request *request,
                       struct error *e)
{
    char *directory CLEANUP_FREE = new_directory(cache->path);
    if (!directory)
        return error_set(e, NOT_HERE, "%s: %s", cache->path, strerror(errno));
    /* locked, so that pruning does not take it for a leftover */
    int made CLEANUP_CLOSE = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (made >= 0)
        (void)flock(made, LOCK_SH | LOCK_NB);
    struct cache_inputs inputs = {0};
    int r = request->make(directory, &inputs, request->context, e);
    if (r == 0)
        r = cacheinfo_write(directory, cache->key, &inputs, e);
    free(inputs.records);
    if (r == 0 && inputs.provisional)
        r = error_set(e, NOT_HERE, "%s: not made as it should be", cache->kind);
    if (r == 0)
        r = bring_in(cache, directory, made, e);
    if (r < 0)
        (void)tree_remove(directory, NULL);
    return r;
}

/* Removes the least recently used entries until the rest is within the limit. Entries in use, the
 * new one among them, are locked and stay. */
static void keep_limit(const struct cache *cache)
{
    const struct cache_limits limits = {
        .bytes = configured_limit ? configured_limit : cache_default_limit(cache->path),
        .locked_only = true};
    (void)cacheitems_prune(cache->path, &limits, NULL, NULL);
}

/* Makes the entry, unless another start has made it by the time the key is locked. */
static int make_once(struct cache_entry *entry, const struct cache *cache,
                     const struct cache_request *request, struct error *e)
{
    int making CLEANUP_CLOSE = lock_key(cache, request->impatient);
    if (making == -ECANCELED)
        return signals_check(e);
    if (making == -EBUSY)
        return error_set(e, -EBUSY, "%s: another run-vm makes it", cache->kind);
    if (making < 0)
        return error_set(e, NOT_HERE, "%s: %s", cache->path, strerror(-making));
    if (take(cache, true, entry) == 0)
        return 0;
    int r = make_cached(cache, request, e);
    if (r < 0)
        return r;
    if (take(cache, false, entry) < 0)
        return error_set(e, NOT_HERE, "%s: it or what it is made from has changed already",
                         cache->kind);
    keep_limit(cache);
    return 0;
}

/* Reason not to trust a directory: a user who can write there could replace an entry after it was
 * checked. */
struct danger {
    const char *why; /* NULL: it is safe */
    const char *remedy;
};

static struct danger find_danger(const struct stat *st)
{
    if (st->st_uid != geteuid())
        return (struct danger){"it is somebody else's", "set XDG_CACHE_HOME, in place of"};
    if (st->st_mode & S_IWOTH)
        return (struct danger){"everybody can write there", "chmod o-w"};
    if (st->st_mode & S_IWGRP)
        return (struct danger){"its group can write there", "chmod g-w"};
    return (struct danger){NULL, NULL};
}

/* Does the same for the parent directory, in which the cache itself could be replaced. With a umask
 * of 002 the user's own group may write, which usually has no other member. */
static struct danger find_danger_above(const struct stat *st)
{
    if (!(st->st_mode & S_ISVTX) && st->st_mode & S_IWOTH)
        return (struct danger){"everybody can write there", "chmod o-w"};
    if (!(st->st_mode & S_ISVTX) && st->st_mode & S_IWGRP && st->st_gid != getegid())
        return (struct danger){"its group can write there", "chmod g-w"};
    return (struct danger){NULL, NULL};
}

/* Warns once that the cache is not used, since every start takes longer without it. */
static int refuse(const char *directory, struct danger danger, struct error *e)
{
    static bool said;
    if (!said)
        log_warning("%s: the cache is not used: %s: %s %s", directory, danger.why, danger.remedy,
                    directory);
    said = true;
    return error_set(e, -EPERM, "%s: %s", directory, danger.why);
}

/* Makes the cache's directory, if necessary, and checks that no other user can write to it. */
static int open_cache(const char *cache, struct error *e)
{
    struct stat st;
    char *above CLEANUP_FREE = path_directory(cache);
    int r = tree_make(above, 0700, e); /* the mode of the XDG Base Directory Specification */
    if (r == 0)
        r = tree_make(cache, 0700, e);
    if (r < 0 || stat(cache, &st) < 0)
        return r < 0 ? r : error_errno(e, errno, "%s", cache);
    struct danger danger = find_danger(&st);
    if (danger.why)
        return refuse(cache, danger, e);
    if (stat(above, &st) == 0)
        danger = find_danger_above(&st);
    return danger.why ? refuse(above, danger, e) : 0;
}

static int get_cached(struct cache_entry *entry, const char *path, const char *key,
                      const struct cache_request *request, struct error *e)
{
    char *short_key CLEANUP_FREE = xstrndup(key, CACHEITEMS_NUMBER_LENGTH);
    int fd CLEANUP_CLOSE = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const struct cache cache = {.path = path, .kind = request->kind, .key = short_key, .fd = fd};
    if (fd < 0)
        return error_set(e, NOT_HERE, "%s: %s", path, strerror(errno));
    timeline_note("it was in the cache");
    if (take(&cache, false, entry) == 0)
        return 0;
    if (!request->make)
        return error_set(e, -ENOENT, "%s: not in the cache", request->kind);
    timeline_note("it was not in the cache: made");
    return make_once(entry, &cache, request, e);
}

int cache_make_elsewhere(struct cache_entry *entry, const struct cache_request *request,
                         const char *problem, struct error *e)
{
    log_debug("%s is not cached: %s", request->kind, problem);
    if (!request->fallback || !request->make)
        return error_set(e, NOT_HERE, "%s: not cached: %s", request->kind, problem);
    timeline_note("made, and not cached");
    entry->path = new_directory(request->fallback);
    entry->lock = -1;
    if (!entry->path)
        return error_errno(e, errno, "%s: cannot be written", request->fallback);
    struct cache_inputs inputs = {0};
    int r = request->make(entry->path, &inputs, request->context, e);
    free(inputs.records);
    if (r == 0)
        return 0;
    (void)tree_remove(entry->path, NULL);
    free(TAKE(entry->path));
    return r;
}

char *cache_open(struct error *e)
{
    char *cache CLEANUP_FREE = cache_directory();
    if (!cache) {
        (void)error_set(e, NOT_HERE, "there is no home directory");
        return NULL;
    }
    return open_cache(cache, e) < 0 ? NULL : TAKE(cache);
}

int cache_get(struct cache_entry *entry, const struct cache_request *request, struct error *e)
{
    *entry = (struct cache_entry){.lock = -1};
    char key[SHA256_HEX];
    uint8_t digest[SHA256_BYTES];
    sha256_end(&request->key->hash, digest);
    sha256_hex(digest, key);
    struct error problem CLEANUP_ERROR = {0};
    char *cache CLEANUP_FREE = cache_open(&problem);
    if (cache) {
        int r = get_cached(entry, cache, key, request, e);
        if (!cache_is_unusable(r))
            return r;
        (void)error_set(&problem, r, "%s: %s", cache, strerror(-r));
    }
    return cache_make_elsewhere(entry, request, problem.message, e);
}
