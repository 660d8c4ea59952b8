/* SPDX-License-Identifier: MIT */
/* The parser of command lines and the printer of their help. Both interpret a table of options, as
 * the manual page does; a command's table is in host/commands/. */
#pragma once

#include <stddef.h>
#include <stdio.h>

#include "base/error.h"
#include "base/strv.h"

enum commandline_kind {
    COMMANDLINE_FLAG,   /* bool */
    COMMANDLINE_TEXT,   /* char *, the last one wins */
    COMMANDLINE_TEXTS,  /* struct strv */
    COMMANDLINE_REST,   /* struct strv: the option's argument and all arguments after it */
    COMMANDLINE_NAMED,  /* struct strv: the option as it was typed, then its argument or "" */
    COMMANDLINE_CHOICE, /* unsigned int, an index into `choices` */
    COMMANDLINE_HELP,   /* no member: makes commandline_parse() return COMMANDLINE_HELP_WANTED */
};

struct setting_value;

struct commandline_option {
    const char *name; /* without its dashes */
    char letter;      /* 0: none */
    enum commandline_kind kind;
    size_t offset;              /* of the member that receives the value */
    const char *argument;       /* as --help shows it; NULL: the option takes none */
    const char *const *choices; /* ended by NULL */
    const char *optional;       /* the choice if no argument is given; then an argument can only be
                                 * given as --NAME=ARGUMENT */
    const char *help;
    const char *setting; /* the option of the configuration that it sets; NULL: none */
    /* Turns the argument into the value of `setting`, or of another option that it names. NULL: the
     * argument is the value, or true if there is none. Returns 0, or -EINVAL with the reason. */
    int (*convert)(struct setting_value *value, const char *argument, struct error *e);
    /* Returns the name of another option of the table that takes the argument in its place, which
     * it reports; NULL: there is none. */
    const char *(*divert)(const char *typed, const char *argument);
};

/* For commandline.words_most: the first word ends the options, and all that follows are words. */
#define COMMANDLINE_ALL_WORDS ((size_t)-1)

/* The syntax of one command: [OPTIONS] [WORDS] [-- REST]. Options may stand between words. */
struct commandline {
    const struct commandline_option *options;
    size_t count;
    const char *words;   /* arguments that are no options, as usage lines show them; NULL: none are
                          * taken. Without `rest`, what follows "--" are words too */
    size_t words_offset; /* of the struct strv that receives them */
    size_t words_most;   /* their greatest number, or COMMANDLINE_ALL_WORDS */
    const char *rest;    /* the name of the arguments after "--", as usage lines show it; NULL: none
                          * are taken */
    size_t rest_offset;  /* of the struct strv that receives them */
    const char *option_hint; /* added to the messages about an unknown option, and about an */
    const char *word_hint;   /* argument that is none; NULL: nothing */
};

#define COMMANDLINE_HELP_WANTED 1

/* Reads `arguments`, ended by NULL, into the struct `values` that the syntax describes; it must be
 * zeroed. Returns 0, COMMANDLINE_HELP_WANTED if --help was among correct arguments, or -EINVAL with
 * the reason. */
int commandline_parse(void *values, const struct commandline *syntax, char *const *arguments,
                      struct error *e);

/* The option that is typed as `name`, "-L" or "--NAME"; NULL: there is none. */
const struct commandline_option *commandline_find(const struct commandline *syntax,
                                                  const char *name);

/* Frees every member of `values` that the syntax describes. */
void commandline_free(void *values, const struct commandline *syntax);

/* Prints the options, each with its help, in two columns. */
void commandline_print_options(const struct commandline *syntax, FILE *out);
