/* SPDX-License-Identifier: MIT */
#include "common/cmdline.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/text.h"

/* The kernel's isspace(): its ctype table is Latin-1, in which 0xa0 is a space. */
static bool is_space(char c)
{
    return isspace((unsigned char)c) || (unsigned char)c == 0xa0;
}

static const char *skip_spaces(const char *text)
{
    while (is_space(*text))
        text++;
    return text;
}

/* Returns the end of the word at `text` and sets `equals` to its first '=' after its first byte. */
static const char *find_end(const char *text, bool in_quotes, const char **equals)
{
    const char *p = text;
    *equals = NULL;
    for (; *p && (in_quotes || !is_space(*p)); p++) {
        if (*p == '=' && !*equals && p > text)
            *equals = p;
        if (*p == '"')
            in_quotes = !in_quotes;
    }
    return p;
}

/* Copies the text from `start` to `end`; if `quoted`, without a quote at its end. */
static char *copy_unquoted(const char *start, const char *end, bool quoted)
{
    if (quoted && end > start && end[-1] == '"')
        end--;
    return xstrndup(start, (size_t)(end - start));
}

/* Takes one word off the text and returns what follows it. */
static const char *next_word(const char *text, struct cmdline_word *word)
{
    bool quoted = *text == '"';
    const char *start = quoted ? text + 1 : text;
    const char *equals;
    const char *end = find_end(start, quoted, &equals);
    if (!equals) {
        *word = (struct cmdline_word){.name = copy_unquoted(start, end, quoted)};
        return end;
    }
    const char *value = equals + 1;
    bool value_quoted = *value == '"' && value < end;
    word->name = xstrndup(start, (size_t)(equals - start));
    word->value = copy_unquoted(value_quoted ? value + 1 : value, end, value_quoted || quoted);
    return end;
}

const char *cmdline_parse(struct cmdline *line, const char *text)
{
    for (text = skip_spaces(text); *text; text = skip_spaces(text)) {
        struct cmdline_word word;
        text = next_word(text, &word);
        if (!word.value && streq(word.name, "--")) {
            free(word.name);
            return skip_spaces(text);
        }
        ARRAY_PUSH(line->words, line->count, word);
    }
    return text;
}

void cmdline_add(struct cmdline *line, const char *name, const char *value)
{
    const struct cmdline_word word = {.name = xstrdup(name), .value = xstrdup(value)};
    ARRAY_PUSH(line->words, line->count, word);
}

char *cmdline_quote(const char *name, const char *value, struct error *e)
{
    if (!value)
        return xstrdup(name);
    if (strchr(value, '"') || strchr(value, '\n')) {
        (void)error_set(e, -EINVAL,
                        "%s: the kernel's command line cannot hold a double quote or a newline: %s",
                        name, value);
        return NULL;
    }
    bool plain = true;
    for (const char *p = value; *p && plain; p++)
        plain = !is_space(*p);
    return plain ? xasprintf("%s=%s", name, value) : xasprintf("%s=\"%s\"", name, value);
}

void cmdline_free(struct cmdline *line)
{
    for (size_t i = 0; i < line->count; i++) {
        free(line->words[i].name);
        free(line->words[i].value);
    }
    free(line->words);
    *line = (struct cmdline){0};
}
