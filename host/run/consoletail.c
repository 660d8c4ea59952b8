/* SPDX-License-Identifier: MIT */
#include "host/run/consoletail.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/strv.h"

void consoletail_add(struct consoletail *tail, const void *bytes, size_t count)
{
    const char *from = bytes;
    if (!tail->ring)
        tail->ring = xcalloc(CONSOLETAIL_SIZE, 1);
    for (size_t i = 0; i < count; i++)
        tail->ring[tail->total++ % CONSOLETAIL_SIZE] = from[i];
}

void consoletail_read(struct consoletail *tail, int *fd)
{
    char bytes[CONSOLETAIL_SIZE];
    ssize_t got = read(*fd, bytes, sizeof bytes);
    if (got > 0)
        consoletail_add(tail, bytes, (size_t)got);
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
        cleanup_close(fd);
}

void consoletail_drain(struct consoletail *tail, int *fd)
{
    struct pollfd polled = {*fd, POLLIN, 0};
    while (*fd >= 0 && poll(&polled, 1, 0) > 0)
        consoletail_read(tail, fd);
}

/* Removes escape sequences, byte by byte (ECMA-48: ESC and a letter, or ESC [ … a letter). */
struct cleaner {
    enum { PLAIN, ESCAPE, SEQUENCE } state;
};

/* Returns the character for a byte; 0: none. */
static char clean(struct cleaner *cleaner, unsigned char byte)
{
    switch (cleaner->state) {
    case ESCAPE:
        cleaner->state = byte == '[' ? SEQUENCE : PLAIN;
        return 0;
    case SEQUENCE:
        if (byte >= '@' && byte <= '~')
            cleaner->state = PLAIN;
        return 0;
    case PLAIN:
        break;
    }
    if (byte == '\033')
        cleaner->state = ESCAPE;
    if (byte == '\n' || byte == '\t' || (byte >= ' ' && byte <= '~'))
        return (char)byte;
    return byte < 0x80 ? 0 : '?';
}

char *consoletail_text(const struct consoletail *tail, size_t lines, const char *prefix)
{
    size_t count = tail->total < CONSOLETAIL_SIZE ? tail->total : CONSOLETAIL_SIZE;
    char *text CLEANUP_FREE = xcalloc(count + 1, 1);
    struct cleaner cleaner = {PLAIN};
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        char c = clean(&cleaner,
                       (unsigned char)tail->ring[(tail->total - count + i) % CONSOLETAIL_SIZE]);
        if (c)
            text[length++] = c;
    }
    struct strv all CLEANUP_STRV = {0};
    struct strv kept CLEANUP_STRV = {0};
    struct strv last CLEANUP_STRV = {0};
    strv_split(&all, text, '\n');
    for (size_t i = 0; i < all.count; i++)
        if (all.items[i][strspn(all.items[i], " \t")])
            strv_push(&kept, all.items[i]);
    for (size_t i = kept.count > lines ? kept.count - lines : 0; i < kept.count; i++)
        strv_pushf(&last, "%s%s\n", prefix, kept.items[i]);
    return strv_join(&last, "");
}

char *consoletail_last_line(const struct consoletail *tail)
{
    char *line = consoletail_text(tail, 1, "");
    line[strcspn(line, "\n")] = '\0';
    return line;
}

char *consoletail_clean(const void *bytes, size_t length)
{
    const unsigned char *from = bytes;
    char *text = xcalloc(length + 1, 1);
    struct cleaner cleaner = {PLAIN};
    size_t count = 0;
    for (size_t i = 0; i < length; i++) {
        char c = clean(&cleaner, from[i]);
        if (c)
            text[count++] = c == '\n' ? ' ' : c;
    }
    return text;
}

void consoletail_free(struct consoletail *tail)
{
    free(tail->ring);
    *tail = (struct consoletail){0};
}
