/* SPDX-License-Identifier: MIT */
#include "host/commands/kernelversion.h"

#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/text.h"

/* --- order --- */

/* A part of a version: a number, letters, or nothing at its end. */
struct part {
    const char *start;
    size_t length;
    bool number;
};

static struct part next_part(const char **text)
{
    while (**text && !isalnum((unsigned char)**text) && **text != '~')
        (*text)++;
    struct part part = {.start = *text, .number = isdigit((unsigned char)**text)};

    if (part.number)
        part.length = strspn(*text, "0123456789");
    else if (**text == '~')
        part.length = 1;
    else
        while (isalpha((unsigned char)part.start[part.length]))
            part.length++;
    *text += part.length;
    return part;
}

/* Parts by age: what stands before a release, the end, letters, a number. */
static int rank(const struct part *part)
{
    if (part->length == 0)
        return 1;
    if (*part->start == '~' || (part->length == 2 && strncmp(part->start, "rc", 2) == 0))
        return 0;
    return part->number ? 3 : 2;
}

static int compare_numbers(struct part a, struct part b)
{
    while (a.length > 1 && *a.start == '0')
        a = (struct part){a.start + 1, a.length - 1, true};
    while (b.length > 1 && *b.start == '0')
        b = (struct part){b.start + 1, b.length - 1, true};
    return a.length != b.length ? (a.length > b.length) - (a.length < b.length)
                                : strncmp(a.start, b.start, a.length);
}

static int compare_letters(const struct part *a, const struct part *b)
{
    int order = strncmp(a->start, b->start, a->length < b->length ? a->length : b->length);

    return order ? order : (a->length > b->length) - (a->length < b->length);
}

int kernelversion_compare(const char *a, const char *b)
{
    for (;;) {
        const struct part left = next_part(&a);
        const struct part right = next_part(&b);
        int order = rank(&left) - rank(&right);

        if (order == 0)
            order = left.number ? compare_numbers(left, right) : compare_letters(&left, &right);
        if (order || left.length == 0)
            return order;
    }
}

/* --- of a file --- */

/* The header of a bzImage, as in Documentation/arch/x86/boot.rst of the kernel. */
#define MAGIC           0x202
#define VERSION_POINTER 0x20e
#define HEADER_END      0x210
#define VERSION_BASE    0x200
#define SETUP_BYTES     0x8200

bool kernelversion_is_name(const char *text)
{
    if (!*text || *text == '.')
        return false;
    for (; *text; text++)
        if (!isgraph((unsigned char)*text) || *text == '/')
            return false;
    return true;
}

static char *version_of_image(const char *path)
{
    char *head CLEANUP_FREE = xcalloc(SETUP_BYTES + 1, 1);
    ssize_t size = file_read_head(path, head, SETUP_BYTES);

    if (size < HEADER_END || memcmp(head + MAGIC, "HdrS", 4) != 0)
        return NULL;
    size_t at =
        ((size_t)(uint8_t)head[VERSION_POINTER] | (size_t)(uint8_t)head[VERSION_POINTER + 1] << 8) +
        VERSION_BASE;
    if (at >= (size_t)size)
        return NULL;
    /* a blank and the name of who has built it follow */
    char *version CLEANUP_FREE = xstrndup(head + at, strcspn(head + at, " "));
    return kernelversion_is_name(version) ? TAKE(version) : NULL;
}

char *kernelversion_of(const char *name, const char *path)
{
    const char *version = strchr(name, '-');

    if (version && isdigit((unsigned char)version[1]) && kernelversion_is_name(version + 1))
        return xstrdup(version + 1);
    return version_of_image(path);
}
