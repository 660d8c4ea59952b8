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

/* Stores one argument of the option that was typed as `name`. Returns 0, COMMANDLINE_HELP_WANTED or
 * -EINVAL. */
static int set_option(void *values, const struct commandline_option *option, const char *name,
                      const char *text, struct error *e)
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
    case COMMANDLINE_NAMED:
        strv_push(at, name);
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

const struct commandline_option *commandline_find(const struct commandline *syntax,
                                                  const char *name)
{
    const char *whole = startswith(name, "--");

    return whole ? find_name(syntax, whole, strlen(whole)) : find_letter(syntax, name[1]);
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

/* Stores an argument of the option that was typed as `name`, or of one that takes its place. */
static int take_argument(void *values, const struct commandline *syntax, const char *name,
                         const char *text, struct error *e)
{
    const struct commandline_option *option = commandline_find(syntax, name);
    const char *other = option->divert ? option->divert(name, text) : NULL;

    if (other)
        option = find_name(syntax, other, strlen(other));
    return set_option(values, option, name, text, e);
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
    size_t length = startswith(*arguments, "--") ? strcspn(*arguments, "=") : 2;
    char *name CLEANUP_FREE = xstrndup(*arguments, length);
    int r = take_argument(values, syntax, name, value ? value : "", e);
    for (; option->kind == COMMANDLINE_REST && arguments[*taken]; (*taken)++)
        (void)set_option(values, option, name, arguments[*taken], e);
    return r;
}

/* True if the first word ends the options. */
static bool is_open(const struct commandline *syntax)
{
    return syntax->words && syntax->words_most == COMMANDLINE_ALL_WORDS;
}

/* Takes an argument that is no option. Returns false if the command takes no more of them. */
static bool take_word(void *values, const struct commandline *syntax, const char *word)
{
    struct strv *words = syntax->words ? member(values, syntax->words_offset) : NULL;
    if (!words || words->count >= syntax->words_most)
        return false;
    strv_push(words, word);
    return true;
}

/* Takes an argument after "--", or after the word that ends the options. */
static bool take_last(void *values, const struct commandline *syntax, const char *argument,
                      bool separated)
{
    if (!separated || !syntax->rest)
        return (separated || is_open(syntax)) && take_word(values, syntax, argument);
    strv_push(member(values, syntax->rest_offset), argument);
    return true;
}

/* Reads what follows the options and words: nothing, or "--" and the rest. */
static int take_rest(void *values, const struct commandline *syntax, char *const *arguments,
                     struct error *e)
{
    bool separated = *arguments && streq(*arguments, "--");
    if (separated)
        arguments++;
    for (; *arguments; arguments++)
        if (!take_last(values, syntax, *arguments, separated))
            return error_set(e, -EINVAL, "%s: expected %s%s; see --help", *arguments,
                             syntax->words ? "nothing more" : "an option",
                             syntax->word_hint ? syntax->word_hint : "");
    return 0;
}

static bool is_option(const char *argument)
{
    return *argument == '-' && !streq(argument, "--");
}

int commandline_parse(void *values, const struct commandline *syntax, char *const *arguments,
                      struct error *e)
{
    int result = 0;
    while (*arguments) {
        size_t taken = 1;
        bool option = is_option(*arguments);
        bool last = !option && (is_open(syntax) || streq(*arguments, "--"));
        if (last || (!option && !take_word(values, syntax, *arguments)))
            break;
        int r = option ? take_option(values, syntax, arguments, &taken, e) : 0;
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
        else if (kind == COMMANDLINE_TEXTS || kind == COMMANDLINE_REST || kind == COMMANDLINE_NAMED)
            strv_free(at);
    }
    if (syntax->rest)
        strv_free(member(values, syntax->rest_offset));
    if (syntax->words)
        strv_free(member(values, syntax->words_offset));
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
        char *help CLEANUP_FREE = option->setting
                                      ? xasprintf("%s (%s)", option->help, option->setting)
                                      : xstrdup(option->help);
        print_wrapped(out, help, HELP_INDENT);
    }
}
