/* SPDX-License-Identifier: MIT */
#include "host/plan/expand.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/alloc.h"

/* Limit of the nesting of quotes and WORDs, which is more than anybody writes. */
#define DEPTH_LIMIT 64

/* A program takes no longer argument: Linux's MAX_ARG_STRLEN, without the NUL. */
#define LENGTH_LIMIT 131071

enum mode {
    MODE_WORDS,
    MODE_WORD,
    MODE_QUOTED,
};

struct expansion {
    const char *at; /* the next character to read */
    enum mode mode;
    const struct expand_variables *variables;
    struct strv *words; /* MODE_WORDS */
    char *text;         /* the word so far */
    size_t length, size;
    bool started;       /* there is a word, though it may be empty */
    bool too_long;      /* the word has reached LENGTH_LIMIT, and is truncated */
    unsigned int depth; /* of the text being read */
    bool silent;        /* discard the text: the WORD of a ${NAME:+WORD} that is not used */
    struct error *e;
};

/* The context of a character. */
struct context {
    bool quoted; /* between double quotes */
    bool braces; /* in the WORD of ${NAME:-WORD}, which a } ends */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

static void append(struct expansion *x, char c)
{
    x->too_long = x->too_long || x->length == LENGTH_LIMIT;
    if (x->too_long)
        return;
    if (x->length + 1 >= x->size) {
        x->size = x->size ? 2 * x->size : 64;
        x->text = xreallocarray(x->text, x->size, 1);
    }
    x->text[x->length++] = c;
    x->text[x->length] = '\0';
}

/* Ends a word, and begins the next. */
static void end_word(struct expansion *x)
{
    if (!x->started)
        return;
    strv_push(x->words, x->text ? x->text : "");
    x->length = 0;
    if (x->text)
        x->text[0] = '\0';
    x->started = false;
}

static void emit(struct expansion *x, char c, bool quoted)
{
    if (x->silent)
        return;
    if (x->mode == MODE_WORDS && !quoted && is_blank(c)) {
        end_word(x);
        return;
    }
    append(x, c);
    x->started = true;
}

/* Emits the value of a variable. */
static void emit_value(struct expansion *x, const char *value, bool quoted)
{
    for (; *value; value++) {
        emit(x, *value, quoted);
        if (*value == ',' && x->variables->in_list)
            emit(x, ',', quoted);
    }
}

static int read_text(struct expansion *x, struct context in);

static bool is_name_start(char c)
{
    return isalpha((unsigned char)c) || c == '_';
}

/* Reads the name of a variable; the caller frees. */
static char *read_name(struct expansion *x)
{
    const char *start = x->at;

    while (is_name_start(*x->at) || isdigit((unsigned char)*x->at))
        x->at++;
    return xstrndup(start, (size_t)(x->at - start));
}

static const char *value_of(const struct expansion *x, const char *name)
{
    return x->variables->lookup(x->variables->context, name);
}

/* Reads the WORD of ${NAME:-WORD} and the }, and emits the WORD if it is wanted. */
static int read_alternative(struct expansion *x, bool wanted, bool quoted)
{
    bool silent = x->silent;
    int r;

    x->silent = silent || !wanted;
    r = read_text(x, (struct context){.quoted = quoted, .braces = true});
    x->silent = silent;
    return r;
}

/* Fails with the WORD of ${NAME:?WORD} as the reason. */
static int read_reason(struct expansion *x, const char *name, bool quoted)
{
    struct strv words CLEANUP_STRV = {0};
    struct expansion inner = {.at = x->at,
                              .mode = MODE_WORD,
                              .variables = x->variables,
                              .words = &words,
                              .depth = x->depth,
                              .e = x->e};
    char *text CLEANUP_FREE = NULL;
    int r = read_text(&inner, (struct context){.quoted = quoted, .braces = true});

    text = inner.text;
    if (r < 0)
        return r;
    return error_set(x->e, -EINVAL, "$%s: %s", name, text && *text ? text : "not set");
}

/* Reads the rest of ${NAME…} after the name. */
static int read_operator(struct expansion *x, const char *name, bool quoted)
{
    const char *value = value_of(x, name);
    bool colon = *x->at == ':';
    bool set = value && (!colon || *value);
    char sign;

    if (colon)
        x->at++;
    sign = *x->at;
    if (!sign || !strchr("-+=?", sign))
        return error_set(x->e, -EINVAL,
                         "\"${%s...}\" is not understood: after the name comes }, :-, :+ or :?",
                         name);
    x->at++;
    if (sign == '+')
        return read_alternative(x, set, quoted);
    if (sign == '?' && !set && !x->silent)
        return read_reason(x, name, quoted);
    if (set && !x->silent)
        emit_value(x, value, quoted);
    return read_alternative(x, !set, quoted);
}

/* Emits the value of $NAME, whose name has been read, if it is set. */
static int read_value(struct expansion *x, const char *name, bool quoted)
{
    const char *value = value_of(x, name);
    const char *behind = x->at + (*x->at == '"');
    enum expand_unset unset = x->silent ? EXPAND_UNSET_EMPTY : x->variables->unset;

    if (value)
        emit_value(x, value, quoted);
    if ((!value && unset == EXPAND_UNSET_ERROR) ||
        ((!value || !*value) && unset != EXPAND_UNSET_EMPTY && *behind == '/'))
        return error_set(x->e, -EINVAL,
                         "names the variable %s, which is %s: set it, or write ${%s:-} if it may "
                         "be missing",
                         name, value ? "empty" : "not set", name);
    return 0;
}

/* Reads the rest of ${NAME} and its relatives after the "${". */
static int read_braces(struct expansion *x, bool quoted)
{
    char *name CLEANUP_FREE = NULL;

    if (!is_name_start(*x->at))
        return error_set(x->e, -EINVAL, "\"${\" must be followed by a variable's name");
    name = read_name(x);
    if (*x->at != '}')
        return read_operator(x, name, quoted);
    x->at++;
    return read_value(x, name, quoted);
}

/* Reads the rest of an expansion after the $. */
static int read_dollar(struct expansion *x, bool quoted)
{
    char *name CLEANUP_FREE = NULL;

    if (*x->at == '(')
        return error_set(x->e, -EINVAL,
                         "holds $(...), but no commands are run: give the text itself, or a "
                         "variable such as $NIX_DISK_IMAGE_DIR, the directory of the disk image");
    if (*x->at == '{') {
        x->at++;
        return read_braces(x, quoted);
    }
    if (*x->at == '\'' && !quoted)
        return error_set(x->e, -EINVAL,
                         "holds $'...', which only some shells know: write '...' with the bytes "
                         "themselves");
    if (*x->at && strchr("@*#?-$!0123456789", *x->at))
        return error_set(x->e, -EINVAL, "holds $%c, but only variables with a name are expanded",
                         *x->at);
    if (!is_name_start(*x->at)) {
        emit(x, '$', true);
        return 0;
    }
    name = read_name(x);
    return read_value(x, name, quoted);
}

/* Reads the character that a backslash quotes. */
static void read_backslash(struct expansion *x, bool quoted)
{
    char next = *x->at;

    if (!next || (quoted && !strchr("$`\"\\\n", next))) {
        emit(x, '\\', true);
        return;
    }
    x->at++;
    if (next != '\n')
        emit(x, next, true);
}

/* Reads the rest of '…' after the first quote. */
static int read_single_quotes(struct expansion *x)
{
    const char *end = strchr(x->at, '\'');

    if (!end)
        return error_set(x->e, -EINVAL, "has a ' without its partner (quote it: \"'\")");
    if (!x->silent)
        x->started = true;
    for (; x->at < end; x->at++)
        emit(x, *x->at, true);
    x->at++;
    return 0;
}

/* Reads the rest of "…" after the first quote. */
static int read_double_quotes(struct expansion *x)
{
    if (!x->silent)
        x->started = true;
    return read_text(x, (struct context){.quoted = true});
}

/* Emits the home directory for a ~ at the beginning of a word, as a shell does. */
static bool read_tilde(struct expansion *x)
{
    const char *home = value_of(x, "HOME");

    if (x->mode != MODE_WORDS || x->started || !home || !*home ||
        (*x->at && *x->at != '/' && !is_blank(*x->at)))
        return false;
    emit_value(x, home, true);
    return true;
}

/* Reads what a special character outside quotes begins. Returns 1 if the character is ordinary. */
static int read_unquoted(struct expansion *x, char c)
{
    if (c == '\'')
        return read_single_quotes(x);
    if (c == '"')
        return read_double_quotes(x);
    if (c == '~' && read_tilde(x))
        return 0;
    if (x->mode == MODE_WORDS && strchr("|&;<>()", c))
        return error_set(x->e, -EINVAL, "holds %c, which must be between quotes", c);
    return 1;
}

/* Does the work of read_text(), which limits the depth. */
static int read_characters(struct expansion *x, struct context in)
{
    int r;

    while (*x->at) {
        char c = *x->at++;

        if (in.braces && c == '}')
            return 0;
        if (c == '"' && in.quoted && x->mode != MODE_QUOTED && !in.braces)
            return 0;
        /* in "${NAME:-"WORD"}" the inner quotes change nothing */
        if (c == '"' && in.quoted && in.braces)
            continue;
        r = 0;
        if (c == '$')
            r = read_dollar(x, in.quoted);
        else if (c == '`')
            r = error_set(x->e, -EINVAL, "holds `...`, but no commands are run");
        else if (c == '\\')
            read_backslash(x, in.quoted);
        else if (in.quoted || (r = read_unquoted(x, c)) == 1)
            emit(x, c, in.quoted);
        if (r < 0)
            return r;
        if (x->too_long)
            return error_set(x->e, -EINVAL,
                             "expands to more than %d bytes, which no program takes as an argument",
                             LENGTH_LIMIT);
    }
    if (in.braces)
        return error_set(x->e, -EINVAL, "has a \"${\" without its \"}\"");
    if (in.quoted && x->mode != MODE_QUOTED)
        return error_set(x->e, -EINVAL, "has a \" without its partner (quote it: '\"')");
    return 0;
}

/* Expands the text up to the } or " that ends the context, or up to the end of the string. */
static int read_text(struct expansion *x, struct context in)
{
    int r;

    if (x->depth == DEPTH_LIMIT)
        return error_set(x->e, -EINVAL, "is nested more than %d deep", DEPTH_LIMIT);
    x->depth++;
    r = read_characters(x, in);
    x->depth--;
    return r;
}

int expand_words(struct strv *words, const char *text, const struct expand_variables *variables,
                 struct error *e)
{
    struct expansion x = {
        .at = text, .mode = MODE_WORDS, .variables = variables, .words = words, .e = e};
    int r = read_text(&x, (struct context){0});

    if (!r)
        end_word(&x);
    free(x.text);
    return r;
}

static char *expand_one(const char *text, enum mode mode, const struct expand_variables *variables,
                        struct error *e)
{
    struct expansion x = {.at = text, .mode = mode, .variables = variables, .e = e};

    if (read_text(&x, (struct context){.quoted = mode == MODE_QUOTED}) < 0) {
        free(x.text);
        return NULL;
    }
    return x.text ? x.text : xstrdup("");
}

char *expand_word(const char *text, const struct expand_variables *variables, struct error *e)
{
    return expand_one(text, MODE_WORD, variables, e);
}

char *expand_quoted(const char *text, const struct expand_variables *variables, struct error *e)
{
    return expand_one(text, MODE_QUOTED, variables, e);
}
