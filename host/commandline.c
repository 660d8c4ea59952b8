/* SPDX-License-Identifier: MIT */
#include "host/commandline.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"

/* The member at `offset`, whose type the table vouches for. */
static void *member(void *values, size_t offset)
{
    return (char *)values + offset;
}

static int set_choice(const struct commandline_option *option, unsigned int *chosen,
                      const char *text, struct error *e)
{
    struct strv all CLEANUP_STRV = {0};
    for (unsigned int i = 0; option->choices[i]; i++) {
        /* an option with choices takes an argument: NOLINTNEXTLINE(clang-analyzer-core.NonNull*) */
        if (streq(option->choices[i], text)) {
            *chosen = i;
            return 0;
        }
        strv_push(&all, option->choices[i]);
    }
    char *list CLEANUP_FREE = strv_join(&all, ", ");
    return error_set(e, -EINVAL, "--%s: is \"%s\", expected one of %s", option->name, text, list);
}

/* Stores one argument. Returns 0, COMMANDLINE_HELP_WANTED or -EINVAL. */
static int set_option(void *values, const struct commandline_option *option, const char *text,
                      struct error *e)
{
    void *at = member(values, option->offset);
    switch (option->kind) {
    case COMMANDLINE_HELP:
        return COMMANDLINE_HELP_WANTED;
    case COMMANDLINE_FLAG:
        *(bool *)at = true;
        return 0;
    case COMMANDLINE_TEXT:
        free(*(char **)at);
        *(char **)at = xstrdup(text);
        return 0;
    case COMMANDLINE_TEXTS:
    case COMMANDLINE_REST:
        strv_push(at, text);
        return 0;
    case COMMANDLINE_CHOICE:
        return set_choice(option, at, text, e);
    }
    return 0;
}

static const struct commandline_option *find_name(const struct commandline *syntax,
                                                  const char *name, size_t length)
{
    for (size_t i = 0; i < syntax->count; i++) {
        const char *known = syntax->options[i].name;
        if (strlen(known) == length && memcmp(known, name, length) == 0)
            return &syntax->options[i];
    }
    return NULL;
}

static const struct commandline_option *find_letter(const struct commandline *syntax, char letter)
{
    for (size_t i = 0; letter && i < syntax->count; i++)
        if (syntax->options[i].letter == letter)
            return &syntax->options[i];
    return NULL;
}

/* Finds the option of an argument: --NAME, --NAME=VALUE, -L or -LVALUE. `value` becomes the part of
 * the argument that is the option's value, NULL if there is none. Returns NULL with the reason. */
static const struct commandline_option *
find_option(const char **value, const struct commandline *syntax, const char *text, struct error *e)
{
    const char *name = startswith(text, "--");
    const char *sign = name ? strchr(name, '=') : NULL;
    const struct commandline_option *option =
        name ? find_name(syntax, name, strcspn(name, "=")) : find_letter(syntax, text[1]);
    if (name)
        *value = sign ? sign + 1 : NULL;
    else
        *value = text[1] && text[2] ? text + 2 : NULL;
    if (!option)
        (void)error_set(e, -EINVAL, "%s: no such option%s; see --help", text,
                        syntax->option_hint ? syntax->option_hint : "");
    return option;
}

/* Reads the option at `arguments` and, if it needs one, the next argument as its value. `taken`
 * becomes the number of arguments read. Returns as set_option(). */
static int take_option(void *values, const struct commandline *syntax, char *const *arguments,
                       size_t *taken, struct error *e)
{
    const char *value = NULL;
    const struct commandline_option *option = find_option(&value, syntax, arguments[0], e);
    if (!option)
        return -EINVAL;
    if (!option->argument && value)
        return error_set(e, -EINVAL, "%s: --%s takes no argument", *arguments, option->name);
    *taken = 1;
    if (option->argument && !value) {
        value = option->optional ? option->optional : arguments[1];
        *taken += !option->optional;
    }
    if (option->argument && !value)
        return error_set(e, -EINVAL, "--%s needs an argument: %s", option->name, option->argument);
    int r = set_option(values, option, value ? value : "", e);
    for (; option->kind == COMMANDLINE_REST && arguments[*taken]; (*taken)++)
        (void)set_option(values, option, arguments[*taken], e);
    return r;
}

/* Reads what follows the options: nothing, or "--" and the rest. */
static int take_rest(void *values, const struct commandline *syntax, char *const *arguments,
                     struct error *e)
{
    if (!*arguments)
        return 0;
    bool separated = streq(*arguments, "--");
    if (separated)
        arguments++;
    if (*arguments && (!separated || !syntax->rest))
        return error_set(e, -EINVAL, "%s: expected an option%s; see --help", *arguments,
                         syntax->word_hint ? syntax->word_hint : "");
    for (; *arguments; arguments++)
        strv_push(member(values, syntax->rest_offset), *arguments);
    return 0;
}

int commandline_parse(void *values, const struct commandline *syntax, char *const *arguments,
                      struct error *e)
{
    int result = 0;
    while (*arguments && **arguments == '-' && !streq(*arguments, "--")) {
        size_t taken = 0;
        int r = take_option(values, syntax, arguments, &taken, e);
        if (r < 0)
            return r;
        if (r > 0)
            result = r;
        arguments += taken;
    }
    int r = take_rest(values, syntax, arguments, e);
    return r < 0 ? r : result;
}

void commandline_free(void *values, const struct commandline *syntax)
{
    for (size_t i = 0; i < syntax->count; i++) {
        void *at = member(values, syntax->options[i].offset);
        enum commandline_kind kind = syntax->options[i].kind;
        if (kind == COMMANDLINE_TEXT)
            free(*(char **)at);
        else if (kind == COMMANDLINE_TEXTS || kind == COMMANDLINE_REST)
            strv_free(at);
    }
    if (syntax->rest)
        strv_free(member(values, syntax->rest_offset));
}

/* The columns of --help. */
#define HELP_WIDTH  79
#define HELP_INDENT 33

/* Prints a text that begins at `column`, broken into lines between words. */
static void print_wrapped(FILE *out, const char *text, size_t column)
{
    const char *gap = "";
    for (; *text; text += strspn(text, " ")) {
        size_t length = strcspn(text, " ");
        if (column + strlen(gap) + length > HELP_WIDTH) {
            (void)fprintf(out, "\n%*s", HELP_INDENT, "");
            column = HELP_INDENT;
            gap = "";
        }
        (void)fprintf(out, "%s%.*s", gap, (int)length, text);
        column += strlen(gap) + length;
        text += length;
        gap = " ";
    }
    (void)fputc('\n', out);
}

void commandline_print_options(const struct commandline *syntax, FILE *out)
{
    for (size_t i = 0; i < syntax->count; i++) {
        const struct commandline_option *option = &syntax->options[i];
        char letter[] = {'-', option->letter, ',', '\0'};
        const char *argument = option->argument ? option->argument : "";
        const char *sign = !option->argument ? "" : option->optional ? "[=" : " ";
        char *left CLEANUP_FREE =
            xasprintf("  %-3s --%s%s%s%s", option->letter ? letter : "", option->name, sign,
                      argument, option->optional ? "]" : "");
        bool alone = strlen(left) > HELP_INDENT - 3;
        (void)fprintf(out, "%s%s%*s", left, alone ? "\n" : "",
                      HELP_INDENT - (alone ? 0 : (int)strlen(left)), "");
        print_wrapped(out, option->help, HELP_INDENT);
    }
}
