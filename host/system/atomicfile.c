/* SPDX-License-Identifier: MIT */
#include "host/system/atomicfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/text.h"
#include "host/system/leftovers.h"
#include "host/system/path.h"
#include "host/system/signals.h"

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

#define NAME_LENGTH 10

void atomicfile_random_name(char name[11])
{
    uint64_t number = 0;
    /* getrandom(2) never returns less than 8 bytes, and 62^10 is less than 2^64 */
    (void)!getrandom(&number, sizeof number, 0);
    for (int i = 0; i < NAME_LENGTH; i++, number /= 62)
        name[i] = letters[number % 62];
    name[NAME_LENGTH] = '\0';
}

#define TEMPORARY ".run-vm-"

/* A temporary file not written to for this many seconds is abandoned. */
#define ABANDONED (24 * 60 * 60)

static bool is_temporary(const char *name)
{
    const char *random = startswith(name, TEMPORARY);
    return random && strlen(random) == NAME_LENGTH && strspn(random, letters) == NAME_LENGTH;
}

void atomicfile_tidy(const char *path)
{
    char *directory CLEANUP_FREE = path_directory(path);
    DIR *stream = opendir(directory);
    time_t now = time(NULL);
    struct stat st;
    for (const struct dirent *entry; stream && (entry = readdir(stream));)
        if (is_temporary(entry->d_name) &&
            fstatat(dirfd(stream), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            st.st_uid == geteuid() && !S_ISDIR(st.st_mode) && st.st_mtime < now - ABANDONED)
            (void)unlinkat(dirfd(stream), entry->d_name, 0);
    if (stream)
        (void)closedir(stream);
}

char *atomicfile_temporary(const char *path)
{
    char random[NAME_LENGTH + 1];
    atomicfile_random_name(random);
    char *directory CLEANUP_FREE = path_directory(path);
    char *temporary = xasprintf("%s/" TEMPORARY "%s", directory, random);
    leftovers_note(temporary);
    return temporary;
}

/* Renames; without `replace` an existing file is -EEXIST. Returns 0 or a negative errno. */
static int move(const char *from, const char *to, bool replace)
{
    if (replace)
        return rename(from, to) < 0 ? -errno : 0;
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -errno;
    /* the filesystem lacks that flag; link(2) does not replace either */
    if (link(from, to) < 0)
        return -errno;
    (void)unlink(from);
    return 0;
}

int atomicfile_commit(const char *temporary, const char *path, bool replace, struct error *e)
{
    int fd CLEANUP_CLOSE = open(temporary, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fsync(fd) < 0)
        return error_errno(e, errno, "%s: cannot be written", path);
    int r = move(temporary, path, replace);
    if (r < 0 && r != -EEXIST)
        return error_errno(e, -r, "%s: cannot be made", path);
    return r;
}

int atomicfile_link(const char *target, const char *path, struct error *e)
{
    if (symlink(target, path) == 0)
        return 0;
    if (errno != EEXIST)
        return error_errno(e, errno, "%s: cannot make the link", path);
    /* replacing a file takes longer than everything else that a start does */
    if (file_is_link_to(path, target))
        return 0;
    char *temporary CLEANUP_FREE = atomicfile_temporary(path);
    if (symlink(target, temporary) < 0)
        return error_errno(e, errno, "%s: cannot make the link", path);
    if (rename(temporary, path) == 0)
        return 0;
    int number = errno;
    (void)unlink(temporary);
    return error_errno(e, number, "%s: cannot be replaced by a link", path);
}

/* Copies where copy_file_range(2) cannot. */
static int copy_through_memory(int from, int to, uint64_t size)
{
    char bytes[1 << 16];
    while (size > 0) {
        if (signals_check(NULL) < 0)
            return -ECANCELED;
        ssize_t got = read(from, bytes, size < sizeof bytes ? size : sizeof bytes);
        if (got <= 0)
            return got < 0 ? -errno : -EIO; /* shorter than it was */
        size -= (uint64_t)got;
        int r = file_write(to, bytes, (size_t)got);
        if (r < 0)
            return r;
    }
    return 0;
}

/* True for the errors of copy_file_range(2) between filesystems of different types. */
static bool cannot_copy(int number)
{
    return number == EXDEV || number == EINVAL || number == ENOSYS || number == EOPNOTSUPP;
}

/* The number of bytes copied between two checks for a signal. */
#define COPY_AT_ONCE (64 << 20)

static int copy_bytes(int from, int to, uint64_t size)
{
    while (size > 0) {
        if (signals_check(NULL) < 0)
            return -ECANCELED;
        size_t part = size < COPY_AT_ONCE ? size : COPY_AT_ONCE;
        ssize_t copied = copy_file_range(from, NULL, to, NULL, part, 0);
        if (copied < 0 && cannot_copy(errno))
            return copy_through_memory(from, to, size);
        if (copied < 0)
            return -errno;
        if (copied == 0)
            return -EIO; /* shorter than it was */
        size -= (uint64_t)copied;
    }
    return 0;
}

int atomicfile_fill(const char *source, const char *path, struct error *e)
{
    /* opening a FIFO would block until it has a writer */
    int from CLEANUP_CLOSE = open(source, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    if (from < 0 || fstat(from, &st) < 0)
        return error_errno(e, errno, "%s: cannot be read", source);
    if (!S_ISREG(st.st_mode))
        return error_set(e, -EINVAL, "%s: not a regular file", source);
    int to CLEANUP_CLOSE = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (to < 0)
        return error_errno(e, errno, "%s: cannot be made", path);
    int r = copy_bytes(from, to, (uint64_t)st.st_size);
    if (r < 0)
        return error_errno(e, -r, "copying %s to %s", source, path);
    return 0;
}

int atomicfile_copy(const char *source, const char *path, bool replace, struct error *e)
{
    if (!replace && access(path, F_OK) == 0)
        return 0;
    atomicfile_tidy(path);
    char *temporary CLEANUP_FREE = atomicfile_temporary(path);
    int r = atomicfile_fill(source, temporary, e);
    if (r == 0)
        r = atomicfile_commit(temporary, path, replace, e);
    if (r < 0)
        (void)unlink(temporary);
    return r == -EEXIST ? 0 : r < 0 ? r : 1;
}
