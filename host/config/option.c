/* SPDX-License-Identifier: MIT */
#include "host/config/option.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"

const struct option *option_find(const struct option *options, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (streq(options[i].name, name))
            return &options[i];
    return NULL;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t option_distance(const char *a, const char *b)
{
    size_t width = strlen(b) + 1;
    size_t *row CLEANUP_FREE = xcalloc(width, sizeof *row);

    for (size_t j = 0; j < width; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j < width; j++) {
            size_t above = row[j];

            row[j] = least(least(above, row[j - 1]) + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[width - 1];
}

const char *option_nearest(const struct option *options, size_t count, const char *name)
{
    const char *nearest = NULL;
    size_t length = strlen(name);
    size_t best = 4; /* a larger distance is no misspelling */

    for (size_t i = 0; i < count; i++) {
        size_t own = strlen(options[i].name);
        size_t lower_bound = own > length ? own - length : length - own;

        if (lower_bound >= best)
            continue;
        size_t distance = option_distance(name, options[i].name);
        if (distance < best) {
            best = distance;
            nearest = options[i].name;
        }
    }
    return nearest;
}

/* Parses a default of the table. Most are one of a few words, an integer, or a text without
 * escapes, which need no parser. */
static json_t *constant(const char *text)
{
    static const struct {
        const char *text;
        json_t *(*make)(void);
    } words[] = {{"null", json_null},
                 {"false", json_false},
                 {"true", json_true},
                 {"[]", json_array},
                 {"{}", json_object}};

    for (size_t i = 0; i < ELEMENTS(words); i++)
        if (streq(words[i].text, text))
            return words[i].make();
    if (isdigit((unsigned char)text[0]))
        return json_integer(strtoll(text, NULL, 10));
    if (text[0] == '"' && !strchr(text, '\\'))
        return json_stringn_nocheck(&text[1], strlen(text) - 2);
    return json_loads(text, JSON_DECODE_ANY, NULL);
}

json_t *option_default(const struct option *option, const struct scope *scope)
{
    if (option->compute)
        return option->compute(scope);
    return option->value ? constant(option->value) : NULL;
}
