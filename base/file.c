/* SPDX-License-Identifier: MIT */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes to begin with for a file that reports no size. */
#define FIRST_SIZE 4096

/* Content that grows while it is read; owns `bytes`, of which `capacity` are allocated. */
struct content {
    char *bytes;
    size_t size;
    size_t capacity;
};

/* Opens a regular file of at most `limit` bytes. Returns the descriptor or a negative errno. */
static int open_regular(int directory, const char *path, int flags, size_t limit, struct stat *st,
                        struct error *e)
{
    int fd = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags);
    if (fd < 0)
        return error_errno(e, errno, "%s", path);
    int r = 0;
    if (fstat(fd, st) < 0)
        r = error_errno(e, errno, "%s", path);
    else if (!S_ISREG(st->st_mode))
        r = error_set(e, -EINVAL, "%s: not a regular file", path);
    else if ((uint64_t)st->st_size > limit)
        r = error_set(e, -EFBIG, "%s: larger than %zu MiB", path, limit >> 20);
    if (r == 0)
        return fd;
    (void)close(fd);
    return r;
}

/* Does not use xreallocarray(): a file too large for this machine is an error that the caller can
 * report. */
static int grow(struct content *content, size_t capacity)
{
    char *bytes = realloc(content->bytes, capacity);
    if (!bytes)
        return -ENOMEM;
    content->bytes = bytes;
    content->capacity = capacity;
    return 0;
}

/* Reads to the end of the file or until more than `limit` bytes have come. */
static int read_to_end(int fd, struct content *content, size_t limit)
{
    for (;;) {
        if (content->size > limit)
            return -EFBIG;
        if (content->size + 1 == content->capacity && grow(content, 2 * content->capacity) < 0)
            return -ENOMEM;
        ssize_t got =
            read(fd, content->bytes + content->size, content->capacity - content->size - 1);
        if (got == 0)
            return 0;
        if (got < 0 && errno != EINTR)
            return -errno;
        content->size += got > 0 ? (size_t)got : 0;
    }
}

/* Returns -EIO if the file changed since `before`: its content may be half old and half new. */
static int check_unchanged(int fd, const struct stat *before)
{
    struct stat now;
    if (fstat(fd, &now) < 0)
        return -errno;
    bool same = now.st_size == before->st_size && now.st_mtim.tv_sec == before->st_mtim.tv_sec &&
                now.st_mtim.tv_nsec == before->st_mtim.tv_nsec;
    return same ? 0 : -EIO;
}

char *file_read_at(int directory, const char *path, int flags, size_t limit, size_t *size,
                   struct error *e)
{
    struct stat st = {0};
    int fd CLEANUP_CLOSE = open_regular(directory, path, flags, limit, &st, e);
    if (fd < 0) {
        errno = -fd;
        return NULL;
    }
    /* room for the zero byte, and for one more byte: the end is then seen without growing */
    struct content content = {0};
    int r = grow(&content, (st.st_size > 0 ? (size_t)st.st_size : FIRST_SIZE) + 2);
    if (r == 0)
        r = read_to_end(fd, &content, limit);
    /* a file of the kernel's reports another size than it has, and some a new time at each look */
    if (r == 0 && st.st_size > 0 && content.size != (size_t)st.st_size)
        r = check_unchanged(fd, &st);
    if (r < 0) {
        free(content.bytes);
        if (r == -ENOMEM)
            (void)error_set(e, r, "%s: no memory for %zu MiB", path, (size_t)st.st_size >> 20);
        else
            (void)error_errno(e, -r, "%s: cannot be read whole", path);
        errno = -r;
        return NULL;
    }
    content.bytes[content.size] = '\0';
    if (size)
        *size = content.size;
    return content.bytes;
}

char *file_read(const char *path, size_t limit, size_t *size, struct error *e)
{
    return file_read_at(AT_FDCWD, path, 0, limit, size, e);
}

/* Reads up to `size` bytes. Returns their number, which is less only at the file's end, or a
 * negative errno. */
static ssize_t read_up_to(int fd, void *bytes, size_t size)
{
    size_t filled = 0;
    while (filled < size) {
        ssize_t got = read(fd, (char *)bytes + filled, size - filled);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        filled += (size_t)got;
    }
    return (ssize_t)filled;
}

ssize_t file_read_head(const char *path, void *head, size_t size)
{
    int fd CLEANUP_CLOSE = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    return fd < 0 ? -errno : read_up_to(fd, head, size);
}

ssize_t file_read_tail(int fd, void *tail, size_t size)
{
    if (lseek(fd, -(off_t)size, SEEK_END) < 0 && lseek(fd, 0, SEEK_SET) < 0)
        return -errno;
    return read_up_to(fd, tail, size);
}

int file_write(int fd, const void *content, size_t size)
{
    for (const char *rest = content; size > 0;) {
        ssize_t written = write(fd, rest, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? -errno : -ENOSPC;
        rest += written;
        size -= (size_t)written;
    }
    return 0;
}

int file_create_at(int directory, const char *path, mode_t mode, const void *content, size_t size,
                   struct error *e)
{
    int fd CLEANUP_CLOSE = openat(directory, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    int r = fd < 0 ? -errno : file_write(fd, content, size);
    return r < 0 ? error_errno(e, -r, "%s: cannot be written", path) : 0;
}

bool file_is_link_to(const char *path, const char *target)
{
    char text[PATH_MAX];
    ssize_t length = readlink(path, text, sizeof text);
    return length == (ssize_t)strlen(target) && memcmp(text, target, (size_t)length) == 0;
}

int file_set(const char *path, const char *text)
{
    int fd CLEANUP_CLOSE = open(path, O_WRONLY | O_CLOEXEC);
    return fd < 0 ? -errno : file_write(fd, text, strlen(text));
}
