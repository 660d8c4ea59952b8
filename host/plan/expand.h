/* SPDX-License-Identifier: MIT */
/* Expands texts as a shell would, without a shell: variables, ${NAME:-WORD}, ${NAME:+WORD},
 * ${NAME:?WORD} and quotes, by the rules of wordexp(3) under WRDE_NOCMD. Nothing is globbed, and a
 * command substitution is an error. Pure: variables come from a function. */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/strv.h"

/* Returns the value of a variable, or NULL if it is not set. */
typedef const char *expand_lookup(const void *context, const char *name);

/* Meaning of an unset variable without a default in the text; ${NAME:-} has one, the empty text. */
enum expand_unset {
    EXPAND_UNSET_EMPTY,   /* an empty text */
    EXPAND_UNSET_IN_PATH, /* the same, but an error before a slash: $NAME/x would be /x */
    EXPAND_UNSET_ERROR,
};

struct expand_variables {
    expand_lookup *lookup;
    const void *context;
    enum expand_unset unset;
    bool in_list; /* the text is for a list of QEMU's options: commas of the values are doubled */
};

/* Appends the words of `text`. White space splits the text and the values of unquoted variables;
 * a shell's operators must be quoted. Returns 0, or -EINVAL with the reason. */
int expand_words(struct strv *words, const char *text, const struct expand_variables *variables,
                 struct error *e);

/* Expands `text` as one word: quotes are removed, white space and operators are ordinary
 * characters. The caller frees; NULL with the reason. */
char *expand_word(const char *text, const struct expand_variables *variables, struct error *e);

/* Expands `text` as if it were between double quotes; a double quote in it is an ordinary
 * character. The caller frees; NULL with the reason. */
char *expand_quoted(const char *text, const struct expand_variables *variables, struct error *e);
