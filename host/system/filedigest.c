/* SPDX-License-Identifier: MIT */
#include "host/system/filedigest.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/sha256.h"

#define DIGITS 32

#define CHUNK ((size_t)256 * 1024)

char *filedigest(const char *file, uint64_t *bytes, struct error *e)
{
    int fd CLEANUP_CLOSE = open(file, O_RDONLY | O_CLOEXEC);
    char *chunk CLEANUP_FREE = xcalloc(CHUNK, 1);
    uint8_t digest[SHA256_BYTES];
    char text[SHA256_HEX];
    struct sha256 s;
    uint64_t size = 0;
    ssize_t got = fd < 0 ? -1 : 1;

    sha256_begin(&s);
    while (got > 0 && (got = read(fd, chunk, CHUNK)) > 0) {
        sha256_feed(&s, chunk, (size_t)got);
        size += (uint64_t)got;
    }
    if (got < 0) {
        (void)error_errno(e, errno, "%s: cannot be read", file);
        return NULL;
    }
    sha256_end(&s, digest);
    sha256_hex(digest, text);
    if (bytes)
        *bytes = size;
    return xstrndup(text, DIGITS);
}
