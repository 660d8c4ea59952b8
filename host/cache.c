/* SPDX-License-Identifier: MIT */
#include "host/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "common/alloc.h"
#include "common/log.h"
#include "host/leftovers.h"
#include "host/place.h"
#include "host/signals.h"
#include "host/tree.h"

/* The file in each entry that says what the others are. Records end with a zero byte:
 *   made SIZE MTIME CTIME NAME                   a file of the entry
 *   from FILESYSTEM INO SIZE MTIME CTIME PATH    what it was made from
 *   end */
#define INFO "info"

/* An info file is smaller than this: some 100 bytes for each module of a kernel. */
#define INFO_SIZE (4 << 20)

/* Where the lock against making an entry twice is: a byte of this file for each key. */
#define LOCKS "locks"

static int64_t nanoseconds(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Five numbers of up to 20 digits. */
#define IDENTITY_SIZE 128

/* The file system that a file is on, by the number that it has wherever and whenever it is mounted.
 * That of its device is another one at each mount of btrfs, ZFS and overlayfs; it has to do for
 * those that have no other. */
static uint64_t filesystem_of(const char *path, dev_t device)
{
    static dev_t known; /* mostly the next file is on the same one */
    static uint64_t number;
    struct statvfs fs;
    if (!number || device != known) {
        known = device;
        number = statvfs(path, &fs) == 0 && fs.f_fsid ? fs.f_fsid : device;
    }
    return number;
}

/* A file's identity. The change time cannot be set, so that a file that was replaced or written
 * with its times put back is another one. "absent" for one that is not there. */
static void identify(const char *path, char id[IDENTITY_SIZE])
{
    struct stat st;
    if (stat(path, &st) < 0)
        (void)strcpy(id, "absent");
    else
        (void)snprintf(id, IDENTITY_SIZE, "%" PRIu64 " %ju %jd %" PRId64 " %" PRId64,
                       filesystem_of(path, st.st_dev), (uintmax_t)st.st_ino, (intmax_t)st.st_size,
                       nanoseconds(st.st_mtim), nanoseconds(st.st_ctim));
}

void cache_key_text(struct cache_key *key, const char *text)
{
    SHA256Update(&key->hash, (const uint8_t *)text, strlen(text) + 1);
}

void cache_key_start(struct cache_key *key, const char *kind, int format)
{
    SHA256Init(&key->hash);
    char *text CLEANUP_FREE = xasprintf("%s %d", kind, format);
    cache_key_text(key, text);
}

void cache_key_file(struct cache_key *key, const char *path)
{
    char id[IDENTITY_SIZE];
    identify(path, id);
    cache_key_text(key, path);
    cache_key_text(key, id);
}

static void add_record(struct cache_inputs *inputs, char *record)
{
    size_t length = strlen(record) + 1;
    inputs->records = xreallocarray(inputs->records, inputs->size + length, 1);
    (void)memcpy(inputs->records + inputs->size, record, length);
    inputs->size += length;
    free(record);
}

void cache_input(struct cache_inputs *inputs, const char *path)
{
    char id[IDENTITY_SIZE];
    identify(path, id);
    add_record(inputs, xasprintf("from %s %s", id, path));
}

char *cache_directory(void)
{
    const char *cache = getenv("XDG_CACHE_HOME");
    if (cache && cache[0] == '/')
        return xasprintf("%s/run-vm", cache);
    const char *home = getenv("HOME");
    return home && home[0] == '/' ? xasprintf("%s/.cache/run-vm", home) : NULL;
}

/* Nobody else may have put it there. */
static bool is_ours(const struct stat *st)
{
    return st->st_uid == geteuid() && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Neither content nor owner nor mode has changed since: nobody can set the change time. */
static char *format_made(const struct stat *st, const char *name)
{
    return xasprintf("made %jd %" PRId64 " %" PRId64 " %s", (intmax_t)st->st_size,
                     nanoseconds(st->st_mtim), nanoseconds(st->st_ctim), name);
}

static bool check_made(int entry, const char *record)
{
    int name = 0;
    struct stat st;
    if (sscanf(record, "made %*d %*d %*d %n", &name) < 0 || name == 0 ||
        fstatat(entry, record + name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
        return false;
    /* entries that older versions have made can be written */
    if (st.st_mode & (S_IWUSR | S_IWGRP | S_IWOTH))
        return false;
    char *now CLEANUP_FREE = format_made(&st, record + name);
    return strcmp(record, now) == 0;
}

/* The path is the first thing in a record that begins with a slash. */
static bool check_from(const char *fields)
{
    const char *path = strchr(fields, '/');
    if (!path || path == fields)
        return false;
    char id[IDENTITY_SIZE];
    identify(path, id);
    size_t length = strlen(id);
    return strncmp(fields, id, length) == 0 && fields + length + 1 == path;
}

static bool check_records(int entry, const char *text, size_t size)
{
    if (size == 0 || text[size - 1] != '\0')
        return false;
    const char *record = text;
    for (; record < text + size; record += strlen(record) + 1) {
        if (strncmp(record, "made ", 5) == 0   ? !check_made(entry, record)
            : strncmp(record, "from ", 5) == 0 ? !check_from(record + 5)
                                               : true)
            break;
    }
    return record + 4 == text + size && strcmp(record, "end") == 0;
}

/* Are the entry's files what they were when it was made, and from what is still there? */
static bool is_valid(int entry)
{
    struct stat st;
    if (fstat(entry, &st) < 0 || !is_ours(&st))
        return false;
    int fd CLEANUP_CLOSE = openat(entry, INFO, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !is_ours(&st) ||
        st.st_size > INFO_SIZE)
        return false;
    size_t size = (size_t)st.st_size;
    char *text CLEANUP_FREE = xcalloc(size + 1, 1);
    return read(fd, text, size) == (ssize_t)size && check_records(entry, text, size);
}

void cache_touch(int entry)
{
    (void)futimens(entry, NULL); /* where the cache is read-only, nothing is removed either */
}

/* The entry, locked against removal, if it is there and good; -1 otherwise. */
static int take(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    struct stat locked;
    struct stat there;
    /* it may have been moved out of the way before the lock was had */
    bool moved = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    if (!moved && is_valid(fd) && fstat(fd, &locked) == 0 && lstat(path, &there) == 0 &&
        locked.st_ino == there.st_ino && locked.st_dev == there.st_dev) {
        cache_touch(fd);
        return fd;
    }
    (void)close(fd);
    return -1;
}

/* Makes a file of a new entry read-only, whatever the umask, and notes what it is: QEMU opens it,
 * and must not be able to write to it even where it is not told so. */
static int seal(int directory, const char *name, struct cache_inputs *inputs)
{
    struct stat st;
    if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return 0;
    if (fchmodat(directory, name, 0444, 0) < 0 ||
        fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    add_record(inputs, format_made(&st, name));
    return 0;
}

/* Seals the files in `directory` and writes the info file, which names them. */
static int write_info(const char *directory, struct cache_inputs *inputs, struct error *e)
{
    DIR *stream = opendir(directory);
    if (!stream)
        return error_errno(e, errno, "%s", directory);
    int r = 0;
    for (const struct dirent *entry; r == 0 && (entry = readdir(stream));) {
        r = seal(dirfd(stream), entry->d_name, inputs);
        if (r < 0)
            (void)error_errno(e, -r, "%s/%s: cannot be made read-only", directory, entry->d_name);
    }
    if (r < 0) {
        (void)closedir(stream);
        return r;
    }
    add_record(inputs, xstrdup("end"));
    int fd CLEANUP_CLOSE =
        openat(dirfd(stream), INFO, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    (void)closedir(stream);
    ssize_t written = fd < 0 ? -1 : write(fd, inputs->records, inputs->size);
    if (written == (ssize_t)inputs->size)
        return 0;
    return error_errno(e, written < 0 ? errno : ENOSPC, "%s/" INFO, directory);
}

/* A new directory below `parent`; NULL with errno set. */
static char *new_directory(const char *parent)
{
    char random[11];
    place_random_name(random);
    char *path = xasprintf("%s/" CACHE_NEW "%s", parent, random);
    leftovers_note(path);
    if (mkdir(path, 0700) == 0)
        return path;
    free(path);
    return NULL;
}

/* What was no good moves away first, since a directory is only replaced by rename when empty. */
static int move_into_place(const char *cache, const char *made, const char *path, struct error *e)
{
    if (rename(made, path) == 0)
        return 0;
    char random[11];
    place_random_name(random);
    char *old CLEANUP_FREE = xasprintf("%s/" CACHE_OLD "%s", cache, random);
    if (rename(path, old) == 0) {
        (void)tree_remove(old, NULL);
        (void)unlink(old);
    }
    return rename(made, path) < 0 ? error_errno(e, errno, "%s", path) : 0;
}

/* The cache is no place for the entry, which can still be made elsewhere. */
#define NOT_HERE (-EROFS)

/* Makes the entry at `path` in the cache. */
static int make_cached(const char *cache, const char *path, const struct cache_request *request,
                       struct error *e)
{
    char *directory CLEANUP_FREE = new_directory(cache);
    if (!directory)
        return error_set(e, NOT_HERE, "%s: %s", cache, strerror(errno));
    /* against being taken for something left behind */
    int lock CLEANUP_CLOSE = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock >= 0)
        (void)flock(lock, LOCK_SH | LOCK_NB);
    struct cache_inputs inputs = {0};
    int r = request->make(directory, &inputs, request->context, e);
    if (r == 0)
        r = write_info(directory, &inputs, e);
    free(inputs.records);
    if (r == 0 && inputs.passing)
        r = error_set(e, NOT_HERE, "%s: not made as it should be", path);
    if (r == 0)
        r = move_into_place(cache, directory, path, e);
    if (r < 0)
        (void)tree_remove(directory, NULL);
    return r;
}

/* How often a lock that somebody else has is tried, in milliseconds. */
#define LOCK_INTERVAL 50

/* Waits until nobody else has that byte of the file, or run-vm is asked to end. */
static int wait_for_lock(int fd, off_t byte)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    struct pollfd signals = {signals_fd(), POLLIN, 0};
    while (fcntl(fd, F_OFD_SETLK, &lock) < 0) {
        if (errno != EAGAIN && errno != EACCES && errno != EINTR)
            return 0; /* a filesystem without locks: it may be made twice, which does no harm */
        if (signals_check(NULL) < 0)
            return -ECANCELED;
        (void)poll(&signals, 1, LOCK_INTERVAL);
    }
    return 0;
}

/* Waits until nobody else makes the entry with this key. A descriptor to close, or -errno. */
static int lock_key(const char *cache, const char *key)
{
    char *path CLEANUP_FREE = xasprintf("%s/" LOCKS, cache);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    char digits[13] = {0};
    (void)memcpy(digits, key, sizeof digits - 1);
    int r = wait_for_lock(fd, (off_t)strtoull(digits, NULL, 16));
    if (r == 0)
        return fd;
    (void)close(fd);
    return r;
}

/* Why nothing in a directory can be trusted: whoever can write there could exchange an entry after
 * it was checked. */
struct danger {
    const char *why; /* NULL: there is none */
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

/* The same of the directory above, in which the cache itself could be exchanged. A umask of 002
 * lets the user's own group write, which mostly has nobody else in it. */
static struct danger find_danger_above(const struct stat *st)
{
    if (!(st->st_mode & S_ISVTX) && st->st_mode & S_IWOTH)
        return (struct danger){"everybody can write there", "chmod o-w"};
    if (!(st->st_mode & S_ISVTX) && st->st_mode & S_IWGRP && st->st_gid != getegid())
        return (struct danger){"its group can write there", "chmod g-w"};
    return (struct danger){NULL, NULL};
}

/* Says once why the cache is not used: every start takes longer without it. */
static int refuse(const char *directory, struct danger danger, struct error *e)
{
    static bool said;
    if (!said)
        log_warning("%s: the cache is not used: %s: %s %s", directory, danger.why, danger.remedy,
                    directory);
    said = true;
    return error_set(e, -EPERM, "%s: %s", directory, danger.why);
}

/* Makes sure that the cache is there, and nobody else can write to it. */
static int open_cache(const char *cache, struct error *e)
{
    struct stat st;
    char *above CLEANUP_FREE = place_directory(cache);
    int r = tree_make(above, 0700, e); /* as the XDG Base Directory Specification has it */
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

/* Can something be made elsewhere after this failure of the cache's filesystem? */
static bool is_full(int r)
{
    return r == -ENOSPC || r == -EDQUOT || r == -EFBIG || r == NOT_HERE;
}

static int get_cached(struct cache_entry *entry, const char *cache, const char *key,
                      const struct cache_request *request, struct error *e)
{
    char *path CLEANUP_FREE = xasprintf("%s/%s-%.*s", cache, request->kind, CACHE_KEY_LENGTH, key);
    entry->lock = take(path);
    if (entry->lock < 0) {
        int making CLEANUP_CLOSE = lock_key(cache, key);
        if (making == -ECANCELED)
            return signals_check(e);
        if (making < 0)
            return error_set(e, NOT_HERE, "%s: %s", cache, strerror(-making));
        entry->lock = take(path);
        if (entry->lock < 0) {
            int r = make_cached(cache, path, request, e);
            if (r < 0)
                return r;
            entry->lock = take(path);
        }
    }
    if (entry->lock < 0)
        return error_set(e, NOT_HERE, "%s: it or what it is made from has changed already", path);
    entry->path = TAKE(path);
    return 0;
}

static int make_uncached(struct cache_entry *entry, const struct cache_request *request,
                         struct error *e)
{
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

int cache_get(struct cache_entry *entry, const struct cache_request *request, struct error *e)
{
    *entry = (struct cache_entry){.lock = -1};
    char key[SHA256_DIGEST_STRING_LENGTH];
    (void)SHA256End(&request->key->hash, key);
    char *cache CLEANUP_FREE = cache_directory();
    if (!cache)
        return make_uncached(entry, request, e);
    struct error problem CLEANUP_ERROR = {0};
    int r = open_cache(cache, &problem);
    if (r == 0) {
        r = get_cached(entry, cache, key, request, e);
        if (!is_full(r))
            return r;
        (void)error_set(&problem, r, "%s: %s", cache, strerror(-r));
    }
    log_debug("%s is not cached: %s", request->kind, problem.message);
    return make_uncached(entry, request, e);
}
