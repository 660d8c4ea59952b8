/* SPDX-License-Identifier: MIT */
/* Any text is expanded or refused, in every mode. A text that was quoted for a shell expands to one
 * word, itself, except in $'...', the quotes for control characters, which are refused. */
#include "base/text.h"
#include "host/plan/expand.h"
#include "host/system/shell.h"
#include "tests/fuzz/fuzz.h"

/* The value of a variable is its name; a variable whose name begins with N is not set. */
static const char *lookup(const void *context, const char *name)
{
    (void)context;
    return *name == 'N' ? NULL : *name == 'E' ? "" : "a, b  'c'";
}

static const struct expand_variables variables = {.lookup = lookup};

/* There must be either a result or a reason. */
static void one_word(char *(*expand)(const char *, const struct expand_variables *, struct error *),
                     const char *text)
{
    struct error e CLEANUP_ERROR = {0};
    char *word CLEANUP_FREE = expand(text, &variables, &e);

    must(!word == !!e.message);
}

static void words(const char *text)
{
    struct error e CLEANUP_ERROR = {0};
    struct strv list CLEANUP_STRV = {0};
    int r = expand_words(&list, text, &variables, &e);

    must((r < 0) == !!e.message);
}

static void quoted(const char *text)
{
    char *quoted_text CLEANUP_FREE = shell_quote(text);
    struct strv list CLEANUP_STRV = {0};

    if (*quoted_text == '$') {
        must(expand_words(&list, quoted_text, &variables, NULL) < 0);
        return;
    }
    must(expand_words(&list, quoted_text, &variables, NULL) == 0);
    must(list.count == 1 && streq(list.items[0], text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text CLEANUP_FREE = fuzz_text(data, size);

    words(text);
    one_word(expand_word, text);
    one_word(expand_quoted, text);
    quoted(text);
    return 0;
}
