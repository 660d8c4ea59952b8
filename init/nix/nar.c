/* SPDX-License-Identifier: MIT */
/* Figure 5.2 of E. Dolstra's thesis, "The Purely Functional Software Deployment Model", has the
 * format: everything is a string, which follows its length in eight bytes and is padded with zeros
 * to a multiple of eight. */
#include "init/nix/nar.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/text.h"

enum { ALIGNMENT = 8, READ_BYTES = 1 << 16 };

struct archive {
    struct sha256 sum;
    struct error *e;
};

static void put_length(struct archive *a, uint64_t length)
{
    uint64_t little = htole64(length);
    sha256_feed(&a->sum, &little, sizeof little);
}

static void put_padding(struct archive *a, uint64_t length)
{
    static const char zeros[ALIGNMENT];
    sha256_feed(&a->sum, zeros, (ALIGNMENT - length % ALIGNMENT) % ALIGNMENT);
}

static void put_bytes(struct archive *a, const char *bytes, size_t length)
{
    put_length(a, length);
    sha256_feed(&a->sum, bytes, length);
    put_padding(a, length);
}

static void put(struct archive *a, const char *text)
{
    put_bytes(a, text, strlen(text));
}

static int put_contents(struct archive *a, int fd, const char *name, uint64_t size)
{
    char *block CLEANUP_FREE = xcalloc(READ_BYTES, 1);
    put_length(a, size);
    for (uint64_t left = size; left > 0;) {
        ssize_t got = read(fd, block, left < READ_BYTES ? (size_t)left : READ_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return error_errno(a->e, got < 0 ? errno : EIO, "%s: cannot be read", name);
        sha256_feed(&a->sum, block, (size_t)got);
        left -= (uint64_t)got;
    }
    put_padding(a, size);
    return 0;
}

static int put_file(struct archive *a, const char *name, const struct stat *st)
{
    int fd CLEANUP_CLOSE = open(name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return error_errno(a->e, errno, "%s: cannot be read", name);
    put(a, "regular");
    if (st->st_mode & S_IXUSR) {
        put(a, "executable");
        put(a, "");
    }
    put(a, "contents");
    return put_contents(a, fd, name, (uint64_t)st->st_size);
}

static int put_link(struct archive *a, const char *name)
{
    char target[PATH_MAX];
    ssize_t length = readlink(name, target, sizeof target);
    if (length < 0)
        return error_errno(a->e, errno, "%s: cannot be read", name);
    put(a, "symlink");
    put(a, "target");
    put_bytes(a, target, (size_t)length);
    return 0;
}

static int no_dots(const struct dirent *entry)
{
    return !streq(entry->d_name, ".") && !streq(entry->d_name, "..");
}

/* Compares bytes; alphasort() would use the locale. */
static int compare_names(const struct dirent **left, const struct dirent **right)
{
    return strcmp((*left)->d_name, (*right)->d_name);
}

static int put_node(struct archive *a, const char *name);

static int put_directory(struct archive *a, const char *name)
{
    struct dirent **entries;
    int count = scandir(name, &entries, no_dots, compare_names);
    if (count < 0)
        return error_errno(a->e, errno, "%s: cannot be read", name);
    put(a, "directory");
    int r = 0;
    for (int i = 0; i < count; i++) {
        char *below CLEANUP_FREE = xasprintf("%s/%s", name, entries[i]->d_name);
        if (r == 0) {
            put(a, "entry");
            put(a, "(");
            put(a, "name");
            put(a, entries[i]->d_name);
            put(a, "node");
            r = put_node(a, below);
            put(a, ")");
        }
        free(entries[i]);
    }
    free((void *)entries);
    return r;
}

/* Recurses, as deep as the directories of one store path. */
static int put_node(struct archive *a, const char *name)
{
    struct stat st;
    if (lstat(name, &st) < 0)
        return error_errno(a->e, errno, "%s: cannot be examined", name);
    put(a, "(");
    put(a, "type");
    int r;
    if (S_ISREG(st.st_mode))
        r = put_file(a, name, &st);
    else if (S_ISDIR(st.st_mode))
        r = put_directory(a, name);
    else if (S_ISLNK(st.st_mode))
        r = put_link(a, name);
    else
        r = error_set(a->e, -EINVAL, "%s: neither a file, a directory nor a symlink", name);
    put(a, ")");
    return r;
}

int nar_hash(const char *path, uint8_t hash[SHA256_BYTES], uint64_t *size, struct error *e)
{
    struct archive archive = {.e = e};
    sha256_begin(&archive.sum);
    put(&archive, "nix-archive-1");
    int r = put_node(&archive, path);
    *size = archive.sum.length;
    sha256_end(&archive.sum, hash);
    return r;
}
