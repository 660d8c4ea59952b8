/* SPDX-License-Identifier: MIT */
/* completions TEMPLATE: prints the template, a shell's completion of run-vm's command line, with
 * each line @NAME@ replaced by the table of that name. The tables are those of --help and the
 * manual. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/strv.h"
#include "base/text.h"
#include "host/commands/commands.h"
#include "host/config/schema.h"
#include "tools/tables/template.h"

/* --- arguments --- */

/* Returns "words A B C" for an argument shown as A|B|C, if those can be typed as they are; the
 * caller frees. NULL: it is shown otherwise. */
static char *alternatives(const char *argument)
{
    if (!strchr(argument, '|') || argument[strspn(argument, "abcdefghijklmnopqrstuvwxyz-|")])
        return NULL;
    char *words = xasprintf("words %s", argument);
    for (char *c = words; *c; c++)
        if (*c == '|')
            *c = ' ';
    return words;
}

/* Returns how the option's argument is completed: files, directories, settings, machines, command,
 * or words and the words; the caller frees. NULL: the option takes none, or it is the user's
 * invention. */
static char *kind_of_argument(const struct commandline_option *option)
{
    const char *shown = option->argument;
    if (!shown)
        return NULL;
    if (option->choices) {
        struct strv words CLEANUP_STRV = {0};
        strv_push(&words, "words");
        for (size_t i = 0; option->choices[i]; i++)
            strv_push(&words, option->choices[i]);
        return strv_join(&words, " ");
    }
    if (option->kind == COMMANDLINE_REST)
        return xstrdup("command");
    if (streq(shown, "OPTION=VALUE"))
        return xstrdup("settings");
    if (startswith(shown, "DIR") || startswith(shown, "SRC"))
        return xstrdup("directories");
    if (strstr(shown, "FILE"))
        return xstrdup("files");
    char *words = alternatives(shown);
    return words ? words : xstrdup("nothing");
}

/* Returns how the word at `index` of a command, behind its options, is completed; the caller frees.
 */
static char *kind_of_word(const struct commandline *syntax, size_t index)
{
    struct strv shown CLEANUP_STRV = {0};
    bool machine =
        syntax->words && (startswith(syntax->words, "NAME") || startswith(syntax->words, "[NAME"));
    if (index >= (syntax->words ? syntax->words_most : 0))
        return xstrdup("nothing");
    if (machine && index == 0)
        return xstrdup("machines");
    if (syntax->words_most == COMMANDLINE_ALL_WORDS)
        return xstrdup("command");
    strv_split(&shown, syntax->words, ' ');
    const char *own = index < shown.count ? shown.items[index] : "";
    char *plain CLEANUP_FREE =
        xstrndup(own + strspn(own, "["), strcspn(own + strspn(own, "["), "]"));
    char *words = alternatives(plain);
    return words ? words : xstrdup(startswith(plain, "DIR") ? "directories" : "files");
}

/* --- quoting --- */

#define QUOTE_OF_SH   "'\\''"
#define QUOTE_OF_FISH "\\'"

/* Prints text that is between single quotes, with `quote` for a single quote, and a backslash
 * before each of the characters `escaped`. */
static void print_text(const char *text, const char *quote, const char *escaped)
{
    for (; *text; text++) {
        if (*text == '\'')
            (void)fputs(quote, stdout);
        else
            (void)printf("%s%c", strchr(escaped, *text) ? "\\" : "", *text);
    }
}

/* --- bash --- */

static void print_bash_commands(void)
{
    for (size_t i = 0; i < commands_count; i++)
        (void)printf("    '%s'\n", commands[i].name);
}

static void print_bash_options(void)
{
    for (size_t i = 0; i < commands_count; i++) {
        const struct commandline *syntax = commands[i].syntax;
        (void)printf("    '%s') echo '", commands[i].name);
        for (size_t j = 0; j < syntax->count; j++) {
            const struct commandline_option *option = &syntax->options[j];
            (void)printf("%s--%s%s", j ? " " : "", option->name, option->optional ? " " : "");
            if (option->optional)
                (void)printf("--%s=", option->name);
        }
        (void)printf("' ;;\n");
    }
}

/* Prints the kinds of arguments. One that may be left out is only given as --NAME=ARGUMENT. */
static void print_bash_arguments(void)
{
    for (size_t i = 0; i < commands_count; i++)
        for (size_t j = 0; j < commands[i].syntax->count; j++) {
            const struct commandline_option *option = &commands[i].syntax->options[j];
            char *kind CLEANUP_FREE = kind_of_argument(option);
            if (!kind)
                continue;
            (void)printf("    '%s --%s%s'", commands[i].name, option->name,
                         option->optional ? "=" : "");
            if (option->letter && !option->optional)
                (void)printf(" | '%s -%c'", commands[i].name, option->letter);
            (void)printf(") echo '%s' ;;\n", kind);
        }
}

/* Prints the kinds of the first and the second word of each command. */
static void print_bash_words(void)
{
    for (size_t i = 0; i < commands_count; i++)
        for (size_t j = 0; j < 2; j++) {
            char *kind CLEANUP_FREE = kind_of_word(commands[i].syntax, j);
            if (!streq(kind, "nothing"))
                (void)printf("    '%s %zu') echo %s ;;\n", commands[i].name, j, kind);
        }
}

/* --- the configuration's options --- */

/* Calls `print` for every option that can be named without inventing a name: `path` ends in "=" for
 * an option that takes a value, in "." for a set whose names are the user's. */
static void each_setting(const struct option *options, size_t count, const char *prefix,
                         void (*print)(const char *path, const struct type *type))
{
    for (size_t i = 0; i < count; i++) {
        const struct type *type = options[i].type;
        bool named = type->kind == TYPE_ATTRS;
        char *path CLEANUP_FREE = xasprintf("%s%s%s", prefix, options[i].name, named ? "." : "=");
        char *inner CLEANUP_FREE = xasprintf("%s%s.", prefix, options[i].name);
        if (type->kind == TYPE_SUBMODULE)
            each_setting(type->options, type->option_count, inner, print);
        else if (!options[i].alias_of)
            print(path, type);
    }
}

/* Returns the words that a value of the type is one of, or the kind "files"; the caller frees.
 * NULL: it is something else. */
static char *kind_of_value(const struct type *type)
{
    if (type->kind == TYPE_BOOL)
        return xstrdup("words true false");
    if (type->kind == TYPE_NULL_OR)
        return kind_of_value(type->element);
    if (type == &type_path)
        return xstrdup("files");
    if (type->kind != TYPE_CHOICE)
        return NULL;
    struct strv words CLEANUP_STRV = {0};
    strv_push(&words, "words");
    for (size_t i = 0; type->choices[i]; i++)
        strv_push(&words, type->choices[i]);
    return strv_join(&words, " ");
}

static void print_setting(const char *path, const struct type *type)
{
    (void)type;
    (void)printf("    '%s'\n", path);
}

static void print_settings(void)
{
    each_setting(schema_options, schema_option_count, "", print_setting);
}

/* Prints a pattern of sh's and of zsh's case. */
static void print_value(const char *path, const struct type *type)
{
    char *kind CLEANUP_FREE = kind_of_value(type);
    if (kind)
        (void)printf("    '%s') echo '%s' ;;\n", path, kind);
}

static void print_values(void)
{
    each_setting(schema_options, schema_option_count, "", print_value);
}

/* --- zsh --- */

static void print_zsh_commands(void)
{
    for (size_t i = 0; i < commands_count; i++) {
        (void)printf("    '%s:", commands[i].name);
        print_text(commands[i].help, QUOTE_OF_SH, "");
        (void)printf("'\n");
    }
}

/* Prints the action of _arguments for a kind. */
static void print_zsh_action(const char *kind)
{
    static const struct {
        const char *kind, *action;
    } actions[] = {
        {"files", "_files"},
        {"directories", "_directories"},
        {"settings", "_run-vm_settings"},
        {"machines", "_run-vm_machines"},
        {"command", "_normal"},
    };
    const char *words = startswith(kind, "words ");
    if (words)
        (void)printf("(%s)", words);
    for (size_t i = 0; i < ELEMENTS(actions); i++)
        if (streq(actions[i].kind, kind))
            (void)fputs(actions[i].action, stdout);
}

/* Prints what stands before an option's help: which options exclude it, and its names. */
static void print_zsh_names(const struct commandline_option *option)
{
    bool repeated = option->kind == COMMANDLINE_TEXTS || option->kind == COMMANDLINE_NAMED;
    bool rest = option->kind == COMMANDLINE_REST;
    const char *sign = !option->argument || rest ? "" : option->optional ? "=-" : "=";
    if (repeated)
        (void)fputs("'*'", stdout);
    else if (option->letter)
        (void)printf("'(-%c --%s)'", option->letter, option->name);
    if (option->letter)
        (void)printf("{-%c%s,--%s%s}", option->letter,
                     !option->argument || option->optional ? "" : "+", option->name, sign);
    else
        (void)printf("--%s%s", option->name, sign);
}

static void print_zsh_option(const struct commandline_option *option)
{
    char *kind CLEANUP_FREE = kind_of_argument(option);
    (void)printf("        ");
    print_zsh_names(option);
    (void)printf("'[");
    print_text(option->help, QUOTE_OF_SH, "[]:\\");
    (void)putchar(']');
    if (kind) {
        (void)printf(option->optional ? "::" : option->kind == COMMANDLINE_REST ? ":*:::" : ":");
        print_text(option->argument, QUOTE_OF_SH, "[]:\\");
        (void)putchar(':');
        print_zsh_action(kind);
    }
    (void)printf("'\n");
}

/* Prints the specifications of each command's words; the last one may stand for all that follow. */
static void print_zsh_words(const struct commandline *syntax)
{
    for (size_t i = 0; i < 2; i++) {
        char *kind CLEANUP_FREE = kind_of_word(syntax, i);
        if (streq(kind, "nothing"))
            continue;
        (void)printf(streq(kind, "command") ? "        '*:::command:" : "        ':%s:", kind);
        print_zsh_action(kind);
        (void)printf("'\n");
    }
}

static void print_zsh_specifications(void)
{
    for (size_t i = 0; i < commands_count; i++) {
        (void)printf("    '%s') specifications=(\n", commands[i].name);
        for (size_t j = 0; j < commands[i].syntax->count; j++)
            print_zsh_option(&commands[i].syntax->options[j]);
        print_zsh_words(commands[i].syntax);
        (void)printf("    ) ;;\n");
    }
}

/* --- fish --- */

/* fish has no lists over several lines: each line but the last ends in a backslash. */
static void print_fish_commands(void)
{
    for (size_t i = 0; i < commands_count; i++) {
        (void)printf("    '%s'\\t'", commands[i].name);
        print_text(commands[i].help, QUOTE_OF_FISH, "\\");
        (void)printf("'%s\n", i + 1 < commands_count ? " \\" : "");
    }
}

static void print_fish_setting(const char *path, const struct type *type)
{
    (void)type;
    (void)printf(" \\\n    '%s'", path);
}

static void print_fish_settings(void)
{
    (void)printf("set -g __fish_run_vm_settings");
    each_setting(schema_options, schema_option_count, "", print_fish_setting);
    (void)putchar('\n');
}

/* Prints the completion of an argument: what it is one of. */
static void print_fish_argument(const char *kind)
{
    const char *words = startswith(kind, "words ");
    if (words)
        (void)printf(" -xa '%s'", words);
    else if (streq(kind, "files"))
        (void)printf(" -rF");
    else if (streq(kind, "directories"))
        (void)printf(" -xa '(__fish_complete_directories)'");
    else if (streq(kind, "settings") || streq(kind, "machines"))
        (void)printf(" -xa '(__fish_run_vm_%s)'", kind);
    else
        (void)printf(" -x");
}

static void print_fish_help(const char *help)
{
    (void)printf(" -d '");
    print_text(help, QUOTE_OF_FISH, "\\");
    (void)printf("'\n");
}

/* Prints an option. fish takes an argument that may be left out for one that must be given: each
 * choice is then an option by itself. */
static void print_fish_option(const char *command, const struct commandline_option *option)
{
    char *kind CLEANUP_FREE = kind_of_argument(option);
    char *begin CLEANUP_FREE =
        xasprintf("complete -c run-vm -n '__fish_run_vm_is \"%s\"'", command);
    (void)printf("%s -l %s", begin, option->name);
    if (option->letter)
        (void)printf(" -s %c", option->letter);
    if (kind && !option->optional && !streq(kind, "command"))
        print_fish_argument(kind);
    print_fish_help(option->help);
    for (size_t i = 0; option->optional && option->choices[i]; i++) {
        (void)printf("%s -l %s=%s", begin, option->name, option->choices[i]);
        print_fish_help(option->help);
    }
}

static void print_fish_words(const struct command *command)
{
    for (size_t i = 0; i < 2; i++) {
        char *kind CLEANUP_FREE = kind_of_word(command->syntax, i);
        if (streq(kind, "nothing") || streq(kind, "command"))
            continue;
        (void)printf("complete -c run-vm -n '__fish_run_vm_is \"%s\" %zu'", command->name, i);
        print_fish_argument(kind);
        (void)putchar('\n');
    }
}

static void print_fish_completions(void)
{
    for (size_t i = 0; i < commands_count; i++) {
        for (size_t j = 0; j < commands[i].syntax->count; j++)
            print_fish_option(commands[i].name, &commands[i].syntax->options[j]);
        print_fish_words(&commands[i]);
    }
}

static void print_fish_value(const char *path, const struct type *type)
{
    char *kind CLEANUP_FREE = kind_of_value(type);
    const char *words = kind ? startswith(kind, "words ") : NULL;
    if (words)
        (void)printf(
            "        case '%s'\n            printf '%%s\\n' $name(string split ' ' '%s')\n", path,
            words);
}

static void print_fish_values(void)
{
    each_setting(schema_options, schema_option_count, "", print_fish_value);
}

static const struct template_table tables[] = {
    {"@BASH-COMMANDS@\n", print_bash_commands},
    {"@BASH-OPTIONS@\n", print_bash_options},
    {"@BASH-ARGUMENTS@\n", print_bash_arguments},
    {"@BASH-WORDS@\n", print_bash_words},
    {"@SETTINGS@\n", print_settings},
    {"@VALUES@\n", print_values},
    {"@ZSH-COMMANDS@\n", print_zsh_commands},
    {"@ZSH-SPECIFICATIONS@\n", print_zsh_specifications},
    {"@FISH-COMMANDS@\n", print_fish_commands},
    {"@FISH-SETTINGS@\n", print_fish_settings},
    {"@FISH-COMPLETIONS@\n", print_fish_completions},
    {"@FISH-VALUES@\n", print_fish_values},
};

int main(int argc, char **argv)
{
    return template_main(argc, argv, "completions", tables, ELEMENTS(tables));
}
