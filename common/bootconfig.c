/* SPDX-License-Identifier: MIT */
#include "common/bootconfig.h"

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "common/params.h"

/* The end of an initrd that carries a bootconfig: text, le32 size, le32 checksum, magic. */
#define MAGIC     "#BOOTCONFIG\n"
#define ALIGNMENT 4

/* Writes one value in quotes that it does not contain. */
static int put_value(FILE *out, const char *name, const char *value, struct error *e)
{
    bool has_double = strchr(value, '"');
    if (has_double && strchr(value, '\''))
        return error_set(e, -EINVAL, "%s: a bootconfig value cannot hold both kinds of quotes: %s",
                         name, value);
    char quote = has_double ? '\'' : '"';
    (void)fprintf(out, "%c%s%c", quote, value, quote);
    return 0;
}

/* True if a word before word `i` has the same name. */
static bool seen(const struct cmdline *line, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (streq(line->words[j].name, line->words[i].name))
            return true;
    return false;
}

/* Writes the key of word `i` with the values of all words that have its name. */
static int put_key(FILE *out, const struct cmdline *line, size_t i, struct error *e)
{
    const char *name = line->words[i].name;
    (void)fprintf(out, "%s = ", name);
    for (size_t j = i; j < line->count; j++) {
        const struct cmdline_word *word = &line->words[j];
        if (!streq(word->name, name))
            continue;
        if (j > i)
            (void)fputs(", ", out);
        int r = put_value(out, name, word->value ? word->value : "", e);
        if (r < 0)
            return r;
    }
    (void)fputc('\n', out);
    return 0;
}

char *bootconfig_format(const struct cmdline *line, struct error *e)
{
    char *text CLEANUP_FREE = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        alloc_out_of_memory();
    int r = 0;
    for (size_t i = 0; r == 0 && i < line->count; i++)
        if (!seen(line, i))
            r = put_key(out, line, i, e);
    (void)fclose(out);
    if (r == 0 && size >= BOOTCONFIG_SIZE)
        r = error_set(e, -E2BIG,
                      "the mounts and shares take %zu bytes of bootconfig, and a kernel takes no "
                      "more than %d: give fewer of them",
                      size, BOOTCONFIG_SIZE);
    return r < 0 ? NULL : TAKE(text);
}

static uint32_t checksum(const char *bytes, size_t size)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < size; i++)
        sum += (unsigned char)bytes[i];
    return sum;
}

char *bootconfig_block(const char *text, size_t initrd_size, size_t *block_size)
{
    const size_t trailer = 2 * sizeof(uint32_t) + strlen(MAGIC);
    size_t size = strlen(text) + 1;
    size += (ALIGNMENT - (initrd_size + size + trailer) % ALIGNMENT) % ALIGNMENT;

    char *block = xcalloc(size + trailer, 1);
    (void)memcpy(block, text, strlen(text));
    const uint32_t numbers[] = {htole32((uint32_t)size), htole32(checksum(block, size))};
    char *end = mempcpy(block + size, numbers, sizeof numbers);
    (void)memcpy(end, MAGIC, strlen(MAGIC));
    *block_size = size + trailer;
    return block;
}

static int malformed(const char *text, const char *at, struct error *e)
{
    size_t number = 1;
    for (const char *p = text; p < at; p++)
        number += *p == '\n';
    return error_set(e, -EINVAL, "/proc/bootconfig: line %zu is not KEY = \"VALUE\", ...", number);
}

/* Reads the quoted values of one key. Returns the text after them, or NULL if they are
 * malformed. */
static const char *take_values(struct cmdline *line, const char *name, const char *p)
{
    for (;;) {
        char quote = *p;
        const char *end = quote == '"' || quote == '\'' ? strchr(p + 1, quote) : NULL;
        if (!end)
            return NULL;
        if (startswith(name, PARAM_PREFIX)) {
            char *value CLEANUP_FREE = xstrndup(p + 1, (size_t)(end - p) - 1);
            cmdline_add(line, name, *value ? value : NULL);
        }
        if (end[1] != ',')
            return end + 1;
        p = end + 1 + strspn(end + 1, ", ");
    }
}

int bootconfig_parse(struct cmdline *line, const char *text, struct error *e)
{
    for (const char *p = text; *p;) {
        if (isspace((unsigned char)*p)) {
            p++;
        } else if (*p == '#') {
            p += strcspn(p, "\n");
        } else {
            size_t length = strcspn(p, " =\n");
            char *name CLEANUP_FREE = xstrndup(p, length);
            const char *values = p + length + strspn(p + length, " =");
            const char *after = take_values(line, name, values);
            if (!after || (*after && *after != '\n'))
                return malformed(text, p, e);
            p = after;
        }
    }
    return 0;
}
