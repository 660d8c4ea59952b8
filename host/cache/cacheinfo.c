/* SPDX-License-Identifier: MIT */
#include "host/cache/cacheinfo.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/text.h"
#include "host/system/signals.h"

/* Files of records in an entry: "info" lists the other files, and one "from-KEY" for each key lists
 * the inputs. Records end with a zero byte:
 *   made SIZE MTIME CTIME NAME                   a file of the entry (in "info")
 *   from FILESYSTEM INO SIZE MTIME CTIME PATH    an input (in "from-KEY"); numbers in hexadecimal
 *   end */
#define INFO "info"
#define FROM "from-"

/* Limit of a file of records: some 100 bytes are needed for each module of a kernel. */
#define INFO_SIZE (4 << 20)

/* Most keys of an entry; the oldest is dropped for a new one. */
#define KEYS_MAX 64

static int64_t nanoseconds(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Identifies a file's filesystem by f_fsid, which is stable across mounts. st_dev is not: btrfs,
 * ZFS and overlayfs assign a new one at every mount. Falls back to st_dev where f_fsid is 0. */
static uint64_t filesystem_of(const char *path, dev_t device)
{
    static dev_t known; /* the next file is usually on the same filesystem */
    static uint64_t number;
    struct statvfs fs;
    if (!number || device != known) {
        known = device;
        number = statvfs(path, &fs) == 0 && fs.f_fsid ? fs.f_fsid : device;
    }
    return number;
}

/* Writes a number in hexadecimal and a space, and returns the end. printf() takes ten times as
 * long, and a start identifies some thirty files. */
static char *put_number(char *at, uint64_t number)
{
    char digits[16];
    size_t count = 0;
    do
        digits[count++] = "0123456789abcdef"[number & 15];
    while (number >>= 4);
    while (count > 0)
        *at++ = digits[--count];
    *at++ = ' ';
    return at;
}

/* The identity includes the change time, which cannot be set: a file that was replaced, or written
 * to and given its old mtime, has another identity. */
static void identify(const char *path, int flags, char id[CACHEINFO_IDENTITY])
{
    struct stat st;
    if (fstatat(AT_FDCWD, path, &st, flags) < 0) {
        (void)strcpy(id, "absent");
        return;
    }
    const uint64_t numbers[] = {filesystem_of(path, st.st_dev), st.st_ino, (uint64_t)st.st_size,
                                (uint64_t)nanoseconds(st.st_mtim),
                                (uint64_t)nanoseconds(st.st_ctim)};
    char *end = id;
    for (size_t i = 0; i < ELEMENTS(numbers); i++)
        end = put_number(end, numbers[i]);
    end[-1] = '\0';
}

void cacheinfo_identify(const char *path, char id[CACHEINFO_IDENTITY])
{
    identify(path, 0, id);
}

void cacheinfo_identify_link(const char *path, char id[CACHEINFO_IDENTITY])
{
    identify(path, AT_SYMLINK_NOFOLLOW, id);
}

void cacheinfo_add(struct cache_inputs *inputs, char *record)
{
    size_t length = strlen(record) + 1;
    inputs->records = xreallocarray(inputs->records, inputs->size + length, 1);
    (void)memcpy(inputs->records + inputs->size, record, length);
    inputs->size += length;
    free(record);
}

/* True if no other user can have made or changed the file. */
static bool is_ours(const struct stat *st)
{
    return st->st_uid == geteuid() && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Formats the record of a file of the entry. An equal change time, which nobody can set, proves
 * that content, owner and mode are unchanged. */
static char *format_made(const struct stat *st, const char *name)
{
    return xasprintf("made %jd %" PRId64 " %" PRId64 " %s", (intmax_t)st->st_size,
                     nanoseconds(st->st_mtim), nanoseconds(st->st_ctim), name);
}

/* Returns the name in a "made" record, or NULL for another kind of record. */
static const char *made_name(const char *record)
{
    int name = 0;
    (void)sscanf(record, "made %*d %*d %*d %n", &name);
    return name > 0 ? record + name : NULL;
}

/* Returns the permissions to write that a file of an entry has. */
static mode_t writers(const char *name)
{
    return streq(name, CACHEINFO_MAPPED) ? S_IWUSR : 0;
}

static bool check_made(int entry, const char *record)
{
    const char *name = made_name(record);
    struct stat st;
    if (!name || fstatat(entry, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
        return false;
    /* older versions left the files writable */
    if ((st.st_mode & (S_IWUSR | S_IWGRP | S_IWOTH)) != writers(name))
        return false;
    char *now CLEANUP_FREE = format_made(&st, name);
    return streq(record, now);
}

/* Compares the identity in a "from" record with the file's. The path begins at the first slash. */
static bool check_from(const char *fields)
{
    const char *path = strchr(fields, '/');
    if (!path || path == fields)
        return false;
    char id[CACHEINFO_IDENTITY];
    cacheinfo_identify(path, id);
    size_t length = strlen(id);
    return strncmp(fields, id, length) == 0 && fields + length + 1 == path;
}

static bool check_record(int entry, const char *record)
{
    if (startswith(record, "made "))
        return check_made(entry, record);
    const char *fields = startswith(record, "from ");
    return fields && check_from(fields);
}

/* Returns the text of a file of records, or NULL if it is not such a file or not ours; the caller
 * frees. */
static char *read_records(int entry, const char *name, size_t *size)
{
    struct stat st;
    int fd CLEANUP_CLOSE = openat(entry, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !is_ours(&st) || st.st_size < 1 ||
        st.st_size > INFO_SIZE)
        return NULL;
    *size = (size_t)st.st_size;
    char *text CLEANUP_FREE = xcalloc(*size + 1, 1);
    return read(fd, text, *size) == (ssize_t)*size && !text[*size - 1] ? TAKE(text) : NULL;
}

/* True if the file is complete and every record in it holds. */
static bool check_records(int entry, const char *name)
{
    size_t size = 0;
    char *text CLEANUP_FREE = read_records(entry, name, &size);
    const char *record = text;
    for (; record && record < text + size; record += strlen(record) + 1)
        if (!check_record(entry, record))
            break;
    return record && record + 4 == text + size && streq(record, "end");
}

bool cacheinfo_is_whole(int entry)
{
    struct stat st;
    return fstat(entry, &st) == 0 && is_ours(&st) && check_records(entry, INFO);
}

char *cacheinfo_claim(const char *entry, const char *key)
{
    return xasprintf("%s/" FROM "%s", entry, key);
}

bool cacheinfo_fits(int entry, const char *key)
{
    char *name CLEANUP_FREE = xasprintf(FROM "%s", key);
    return check_records(entry, name);
}

void cacheinfo_forget(int entry, const char *key)
{
    char *name CLEANUP_FREE = xasprintf(FROM "%s", key);
    (void)unlinkat(entry, name, 0);
}

/* Makes a file of a new entry read-only, whatever the umask, and records it. QEMU opens the file
 * and must not be able to write to it, even if its drive is not read-only. */
static int seal(int directory, const char *name, struct cache_inputs *records)
{
    struct stat st;
    if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return 0;
    if (fchmodat(directory, name, 0444 | writers(name), 0) < 0 ||
        fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    cacheinfo_add(records, format_made(&st, name));
    return 0;
}

/* Appends the last record and writes the file. */
static int write_records(int directory, const char *name, struct cache_inputs *records)
{
    cacheinfo_add(records, xstrdup("end"));
    return file_create_at(directory, name, 0600, records->records, records->size, NULL);
}

/* Seals all files in the directory that `stream` reads. */
static int seal_all(DIR *stream, struct cache_inputs *records)
{
    int r = 0;
    for (const struct dirent *entry; r == 0 && (entry = readdir(stream));)
        r = seal(dirfd(stream), entry->d_name, records);
    return r;
}

int cacheinfo_write(const char *directory, const char *key, struct cache_inputs *inputs,
                    struct error *e)
{
    struct cache_inputs made = {0};
    char *name CLEANUP_FREE = xasprintf(FROM "%s", key);
    DIR *stream = opendir(directory);
    if (!stream)
        return error_errno(e, errno, "%s", directory);
    int r = seal_all(stream, &made);
    if (r == 0)
        r = write_records(dirfd(stream), INFO, &made);
    if (r == 0)
        r = write_records(dirfd(stream), name, inputs);
    (void)closedir(stream);
    free(made.records);
    return r < 0 ? error_errno(e, -r, "%s: cannot be sealed", directory) : 0;
}

/* Compares two files. Returns 1 if their bytes are the same, 0 if not, or -ECANCELED. */
static int has_same_bytes(int a, int b)
{
    struct stat st_a;
    struct stat st_b;
    char bytes[2][1 << 16];
    if (a < 0 || b < 0 || fstat(a, &st_a) < 0 || fstat(b, &st_b) < 0 ||
        st_a.st_size != st_b.st_size)
        return 0;
    for (off_t at = 0; at < st_a.st_size;) {
        ssize_t got = pread(a, bytes[0], sizeof bytes[0], at);
        if (got <= 0 || pread(b, bytes[1], (size_t)got, at) != got ||
            memcmp(bytes[0], bytes[1], (size_t)got) != 0)
            return 0;
        at += got;
        if (signals_check(NULL) < 0)
            return -ECANCELED;
    }
    return 1;
}

static size_t count_made(const char *text, size_t size)
{
    size_t count = 0;
    for (const char *record = text; record && record < text + size; record += strlen(record) + 1)
        count += made_name(record) != NULL;
    return count;
}

int cacheinfo_is_same(int a, int b)
{
    size_t sizes[2] = {0, 0};
    char *text CLEANUP_FREE = read_records(a, INFO, &sizes[0]);
    char *other CLEANUP_FREE = read_records(b, INFO, &sizes[1]);
    if (!text || !other || count_made(text, sizes[0]) != count_made(other, sizes[1]))
        return 0;
    int r = 1;
    for (const char *record = text; r > 0 && record < text + sizes[0];
         record += strlen(record) + 1) {
        const char *name = made_name(record);
        if (!name)
            continue;
        int file CLEANUP_CLOSE = openat(a, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        int its CLEANUP_CLOSE = openat(b, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        r = has_same_bytes(file, its);
    }
    return r;
}

/* Returns the name of the file of an entry's oldest key and counts the keys; the caller frees. */
static char *oldest_key(int entry, size_t *count)
{
    int copy = openat(entry, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = copy < 0 ? NULL : fdopendir(copy);
    char *oldest = NULL;
    struct timespec since = {0};
    struct stat st;
    *count = 0;
    if (!stream && copy >= 0)
        (void)close(copy);
    for (const struct dirent *file; stream && (file = readdir(stream));) {
        if (!startswith(file->d_name, FROM) ||
            fstatat(entry, file->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        ++*count;
        if (oldest && nanoseconds(st.st_mtim) >= nanoseconds(since))
            continue;
        since = st.st_mtim;
        free(oldest);
        oldest = xstrdup(file->d_name);
    }
    if (stream)
        (void)closedir(stream);
    return oldest;
}

int cacheinfo_move_key(int from, int to, const char *key)
{
    char *name CLEANUP_FREE = xasprintf(FROM "%s", key);
    size_t count = 0;
    char *oldest CLEANUP_FREE = oldest_key(to, &count);
    if (oldest && count >= KEYS_MAX)
        (void)unlinkat(to, oldest, 0);
    return renameat(from, name, to, name) < 0 ? -errno : 0;
}
