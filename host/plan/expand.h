/* SPDX-License-Identifier: MIT */
/* Strings as a shell would expand them, without a shell: variables, ${NAME:-WORD}, ${NAME:+WORD},
 * ${NAME:?WORD} and quotes, by the rules of wordexp(3) under WRDE_NOCMD. Nothing is globbed, and a
 * command substitution is an error. Pure: variables come from a function. */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/strv.h"

/* The value of a variable, NULL where it is not set. */
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

/* The words of `text`, appended: white space splits it, and splits what an unquoted variable
 * stands for. A shell's operators must be quoted. 0, or -EINVAL with what was wrong. */
int expand_words(struct strv *words, const char *text, const struct expand_variables *variables,
                 struct error *e);

/* `text` as one word: quotes are removed, white space and operators are ordinary characters. The
 * caller frees; NULL with what was wrong. */
char *expand_word(const char *text, const struct expand_variables *variables, struct error *e);

/* `text` as what stands between double quotes; a double quote in it is an ordinary character. The
 * caller frees; NULL with what was wrong. */
char *expand_quoted(const char *text, const struct expand_variables *variables, struct error *e);
