/* SPDX-License-Identifier: MIT */
#include "host/store/packindex.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/file.h"
#include "base/text.h"
#include "host/store/crc32c.h"
#include "host/store/erofsdisk.h"

/* The first line is TITLE NUMBER, the others BASE BYTES ROOT INODES TYPE IDENTITY NAME. Before each
 * stands the checksum of the rest of the line. */
#define TITLE "run-vm store pack 1 "

/* An identity is this many words, in whatever form (cacheinfo.h). */
#define IDENTITY_NUMBERS 5

#define CHECKSUM 9 /* eight digits and a space */

/* Name under which a new index is written; a killed run-vm may leave it. */
#define NEW ".new-index"

void packindex_free(struct packindex *index)
{
    for (size_t i = 0; i < index->count; i++) {
        free(index->pieces[i].name);
        free(index->pieces[i].identity);
    }
    free(index->pieces);
    free(index->sorted);
    *index = (struct packindex){0};
}

void packindex_start(struct packindex *index)
{
    uint64_t number[2] = {0};
    packindex_free(index);
    (void)!getrandom(number, sizeof number, 0);
    (void)snprintf(index->number, sizeof index->number, "%016" PRIx64 "%016" PRIx64, number[0],
                   number[1]);
    index->end = PACKINDEX_HEAD;
}

uint64_t packindex_next(uint64_t end)
{
    return (end + PACKINDEX_CLUSTER - 1) / PACKINDEX_CLUSTER * PACKINDEX_CLUSTER;
}

void packindex_add(struct packindex *index, const struct packindex_piece *piece)
{
    ARRAY_PUSH(index->pieces, index->count, *piece);
    index->end = packindex_next(piece->piece.base + piece->piece.bytes);
}

static int by_name(const void *left, const void *right)
{
    const struct packindex_piece *a = left;
    const struct packindex_piece *b = right;
    int names = strcmp(a->name, b->name);
    return names ? names : strcmp(a->identity, b->identity);
}

const struct packindex_piece *packindex_find(const struct packindex *index, const char *name,
                                             const char *identity)
{
    const struct packindex_piece key = {.name = (char *)name, .identity = (char *)identity};
    if (index->sorted_count == 0)
        return NULL;
    return bsearch(&key, index->sorted, index->sorted_count, sizeof key, by_name);
}

/* Returns the line's content, its checksum being right, or NULL. */
static char *check_line(char *line)
{
    char *end = NULL;
    if (strlen(line) <= CHECKSUM)
        return NULL;
    unsigned long checksum = strtoul(line, &end, 16);
    char *content = line + CHECKSUM;
    bool right = end == content - 1 && *end == ' ' &&
                 checksum == crc32c(UINT32_MAX, content, strlen(content));
    return right ? content : NULL;
}

/* Reads a number and the space behind it. */
static bool take_number(char **rest, uint64_t *number)
{
    char *end = NULL;
    errno = 0;
    *number = strtoull(*rest, &end, 10);
    if (errno || end == *rest || *end != ' ')
        return false;
    *rest = end + 1;
    return true;
}

/* Returns the identity before the name, with a zero behind it; NULL if there is none. */
static char *take_identity(char **rest)
{
    char *identity = *rest;
    for (size_t i = 0; i < IDENTITY_NUMBERS; i++) {
        char *space = strchr(*rest, ' ');
        if (!space || space == *rest)
            return NULL;
        *rest = space + 1;
    }
    (*rest)[-1] = '\0';
    return identity;
}

/* Adds the piece of a line. Returns false for a line that cannot be one. */
static bool add_line(struct packindex *index, char *rest)
{
    struct erofspiece piece;
    uint64_t type = 0;
    if (!take_number(&rest, &piece.base) || !take_number(&rest, &piece.bytes) ||
        !take_number(&rest, &piece.root) || !take_number(&rest, &piece.inodes) ||
        !take_number(&rest, &type))
        return false;
    piece.type = (mode_t)type;
    const char *identity = take_identity(&rest);
    if (!identity || !*rest || piece.base < index->end || piece.base % PACKINDEX_CLUSTER ||
        piece.base >= EROFS_MAX_BYTES || piece.bytes == 0 ||
        piece.bytes > EROFS_MAX_BYTES - piece.base)
        return false;
    packindex_add(index, &(struct packindex_piece){piece, xstrdup(rest), xstrdup(identity)});
    return true;
}

/* Reads the first line. */
static bool take_title(struct packindex *index, char *line)
{
    const char *content = check_line(line);
    const char *number = content ? startswith(content, TITLE) : NULL;
    if (!number || strlen(number) != PACKINDEX_NUMBER ||
        strspn(number, "0123456789abcdef") != PACKINDEX_NUMBER)
        return false;
    (void)memcpy(index->number, number, PACKINDEX_NUMBER);
    return true;
}

static void sort(struct packindex *index)
{
    index->sorted = xcalloc(index->count + 1, sizeof *index->sorted);
    index->sorted_count = index->count;
    for (size_t i = 0; i < index->count; i++)
        index->sorted[i] = index->pieces[i];
    qsort(index->sorted, index->count, sizeof *index->sorted, by_name);
}

int packindex_parse(struct packindex *index, char *text)
{
    char *line = text;
    index->end = PACKINDEX_HEAD;
    for (char *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        char *content = line == text ? NULL : check_line(line);
        if (line == text ? !take_title(index, line) : !content || !add_line(index, content))
            break;
        index->good = end + 1 - text;
    }
    if (!index->good)
        return -ENOENT;
    sort(index);
    return 0;
}

int packindex_read(struct packindex *index, int directory)
{
    char *text CLEANUP_FREE =
        file_read_at(directory, PACKINDEX_NAME, O_NOFOLLOW, FILE_LIMIT, NULL, NULL);
    return text ? packindex_parse(index, text) : -ENOENT;
}

int packindex_read_number(struct packindex *index, int directory)
{
    char line[CHECKSUM + sizeof TITLE + PACKINDEX_NUMBER];
    int fd CLEANUP_CLOSE = openat(directory, PACKINDEX_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, line, sizeof line);
    if (got != (ssize_t)sizeof line || line[sizeof line - 1] != '\n')
        return -ENOENT;
    line[sizeof line - 1] = '\0';
    return take_title(index, line) ? 0 : -ENOENT;
}

static void print_line(FILE *out, const char *content)
{
    (void)fprintf(out, "%08" PRIx32 " %s\n", crc32c(UINT32_MAX, content, strlen(content)), content);
}

static void print_piece(FILE *out, const struct packindex_piece *piece)
{
    char *content CLEANUP_FREE =
        xasprintf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %u %s %s", piece->piece.base,
                  piece->piece.bytes, piece->piece.root, piece->piece.inodes, piece->piece.type,
                  piece->identity, piece->name);
    print_line(out, content);
}

/* Returns the lines from number `first` on, with the title if `titled`; the caller frees. */
static char *format(const struct packindex *index, bool titled, size_t first, size_t *size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    if (!out)
        alloc_out_of_memory();
    char *title CLEANUP_FREE = xasprintf(TITLE "%s", index->number);
    if (titled)
        print_line(out, title);
    for (size_t i = first; i < index->count; i++)
        print_piece(out, &index->pieces[i]);
    (void)fclose(out);
    return text;
}

int packindex_append(struct packindex *index, int directory, size_t first, struct error *e)
{
    size_t size = 0;
    char *text CLEANUP_FREE = format(index, false, first, &size);
    int fd CLEANUP_CLOSE =
        openat(directory, PACKINDEX_NAME, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    int r = fd < 0 || ftruncate(fd, index->good) < 0 ? -errno : file_write(fd, text, size);
    if (r == 0 && fdatasync(fd) < 0)
        r = -errno;
    if (r == 0)
        index->good += (off_t)size;
    return r < 0 ? error_errno(e, -r, PACKINDEX_NAME) : 0;
}

int packindex_replace(struct packindex *index, int directory, struct error *e)
{
    size_t size = 0;
    char *text CLEANUP_FREE = format(index, true, 0, &size);
    int fd CLEANUP_CLOSE =
        openat(directory, NEW, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    int r = fd < 0 ? -errno : file_write(fd, text, size);
    if (r == 0 && (fdatasync(fd) < 0 || renameat(directory, NEW, directory, PACKINDEX_NAME) < 0 ||
                   fsync(directory) < 0))
        r = -errno;
    if (r == 0)
        index->good = (off_t)size;
    else
        (void)unlinkat(directory, NEW, 0);
    return r < 0 ? error_errno(e, -r, PACKINDEX_NAME) : 0;
}
