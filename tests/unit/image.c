/* SPDX-License-Identifier: MIT */
#include "tests/unit/image.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "tests/unit/unit.h"

int image_new(uint64_t size)
{
    int fd = memfd_create("image", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    return fd;
}

char *image_path(int fd)
{
    return xasprintf("/proc/%d/fd/%d", (int)getpid(), fd);
}

void image_write(int fd, uint64_t offset, const void *data, size_t length)
{
    assert_int_equal(pwrite(fd, data, length, (off_t)offset), length);
}

void image_read(int fd, uint64_t offset, void *data, size_t length)
{
    assert_int_equal(pread(fd, data, length, (off_t)offset), length);
}

void image_flip(int fd, uint64_t offset)
{
    uint8_t byte;
    image_read(fd, offset, &byte, 1);
    byte ^= 0xff;
    image_write(fd, offset, &byte, 1);
}

/* Returns the offset of the next data at or after `offset`; the image's size if there are none. */
static off_t next_data(int fd, off_t offset, off_t size)
{
    off_t next = lseek(fd, offset, SEEK_DATA);
    return next < 0 ? size : next;
}

static bool same_chunk(int a, int b, off_t offset, size_t length)
{
    static char left[1 << 16], right[1 << 16];
    image_read(a, (uint64_t)offset, left, length);
    image_read(b, (uint64_t)offset, right, length);
    return memcmp(left, right, length) == 0;
}

bool image_same(int a, int b)
{
    const off_t chunk = 1 << 16;
    struct stat x, y;
    assert_int_equal(fstat(a, &x), 0);
    assert_int_equal(fstat(b, &y), 0);
    if (x.st_size != y.st_size)
        return false;
    for (off_t at = 0; at < x.st_size; at += chunk) {
        off_t p = next_data(a, at, x.st_size), q = next_data(b, at, x.st_size);
        at = (p < q ? p : q) / chunk * chunk;
        if (at >= x.st_size)
            break;
        off_t length = x.st_size - at < chunk ? x.st_size - at : chunk;
        if (!same_chunk(a, b, at, (size_t)length))
            return false;
    }
    return true;
}

static char *read_back(int fd)
{
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    char *text = xcalloc(1, (size_t)st.st_size + 1);
    image_read(fd, 0, text, (size_t)st.st_size);
    return text;
}

int image_run(const char *const *argv, char **output)
{
    static bool path_is_set;
    if (!path_is_set) {
        char *path CLEANUP_FREE = xasprintf("%s:/usr/sbin:/sbin", getenv("PATH"));
        assert_int_equal(setenv("PATH", path, 1), 0);
        path_is_set = true;
    }
    int out CLEANUP_CLOSE = image_new(0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    posix_spawn_file_actions_adddup2(&actions, out, 2);
    pid_t pid;
    int r = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (r)
        return 127;
    int status;
    while (waitpid(pid, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    if (output)
        *output = read_back(out);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
