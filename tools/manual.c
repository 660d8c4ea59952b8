/* SPDX-License-Identifier: MIT */
/* manual TEMPLATE: prints the template, for scdoc, with each line @NAME@ replaced by the table of
 * that name. The tables are the code's own, so the manual cannot drift from the programs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "common/params.h"
#include "host/commands/commands.h"
#include "host/config/release.h"
#include "host/config/schema.h"
#include "tools/tables/template.h"

/* Prints text with all markup escaped. */
static void print_plain(const char *text)
{
    for (; *text; text++) {
        if (strchr("_*\\#~`|[]<>", *text))
            (void)putchar('\\');
        (void)putchar(*text);
    }
}

static void print_bold(const char *text)
{
    (void)putchar('*');
    print_plain(text);
    (void)putchar('*');
}

/* Prints the paragraph under a heading. */
static void print_help(const char *help)
{
    (void)printf("\n\t");
    print_plain(help);
    (void)printf("\n\n");
}

static void print_options(const struct commandline *syntax)
{
    for (size_t i = 0; i < syntax->count; i++) {
        const struct commandline_option *option = &syntax->options[i];
        char *name CLEANUP_FREE = xasprintf("--%s", option->name);
        char letter[] = {'-', option->letter, '\0'};

        if (option->letter) {
            print_bold(letter);
            (void)printf(", ");
        }
        print_bold(name);
        if (option->argument) {
            (void)printf(option->optional ? "\\[=" : " ");
            print_plain(option->argument);
            (void)printf(option->optional ? "\\]" : "");
        }
        char *help CLEANUP_FREE = option->setting
                                      ? xasprintf("%s (%s)", option->help, option->setting)
                                      : xstrdup(option->help);
        print_help(help);
    }
}

static void print_run_options(void)
{
    print_options(commands_find("run")->syntax);
}

/* Prints a section for each other command that has options besides --help. */
static void print_command_options(void)
{
    for (size_t i = 0; i < commands_count; i++) {
        if (streq(commands[i].name, "run") || commands[i].syntax->count < 2)
            continue;
        (void)printf("## run-vm %s\n\n", commands[i].name);
        print_options(commands[i].syntax);
    }
}

static void print_schema(const struct option *options, size_t count, const char *prefix);

/* Prints the options of a submodule, under the path of its set or list. */
static void print_inner(const struct type *type, const char *path)
{
    const char *step = type->kind == TYPE_ATTRS ? ".<name>." : ".<entry>.";
    const struct type *inner = type->kind == TYPE_SUBMODULE ? type : type->element;
    char *prefix CLEANUP_FREE = xasprintf("%s%s", path, type->kind == TYPE_SUBMODULE ? "." : step);

    if (inner && inner->kind == TYPE_SUBMODULE)
        print_schema(inner->options, inner->option_count, prefix);
}

static void print_schema_option(const struct option *option, const char *path)
{
    const char *shown = option->shown ? option->shown : option->value;

    print_bold(path);
    (void)printf("++\n");
    print_plain(option->type->name);
    if (shown)
        (void)printf("; default ");
    else if (!option->alias_of)
        (void)printf("; must be set");
    print_plain(shown ? shown : "");
    print_help(option->help);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const struct option *const *)a)->name,
                  (*(const struct option *const *)b)->name);
}

/* Sorts by name; in the table an option follows those that it depends on. */
static void print_schema(const struct option *options, size_t count, const char *prefix)
{
    const struct option **sorted CLEANUP_FREE = xcalloc(count, sizeof *sorted);

    for (size_t i = 0; i < count; i++)
        sorted[i] = &options[i];
    qsort(sorted, count, sizeof *sorted, compare_names);
    for (size_t i = 0; i < count; i++) {
        char *path CLEANUP_FREE = xasprintf("%s%s", prefix, sorted[i]->name);

        print_schema_option(sorted[i], path);
        print_inner(sorted[i]->type, path);
    }
}

static void print_configuration(void)
{
    print_schema(schema_options, schema_option_count, "");
}

/* Prints the changes of each release under its name. */
static void print_releases(void)
{
    for (size_t i = 0; i < release_change_count; i++) {
        const struct release_change *change = &release_changes[i];

        if (i == 0 || !streq(change->since, release_changes[i - 1].since))
            print_bold(change->since);
        print_help(change->text);
    }
}

/* Prints NAME=ARGUMENT, as on the command line. */
static void print_parameter_name(const struct param *param)
{
    print_bold(param->name);
    if (param->argument) {
        (void)putchar('=');
        print_plain(param->argument);
    }
    for (size_t i = 0; param->choices && param->choices[i]; i++) {
        (void)putchar(i == 0 ? '=' : '|');
        print_plain(param->choices[i]);
    }
}

static void print_parameters(void)
{
    for (size_t i = 0; i < guest_param_count; i++) {
        if (guest_param_table[i].alias)
            continue;
        print_parameter_name(&guest_param_table[i]);
        for (size_t j = i + 1; j < guest_param_count && guest_param_table[j].alias; j++) {
            (void)printf(", ");
            print_parameter_name(&guest_param_table[j]);
        }
        print_help(guest_param_table[i].help);
    }
}

/* Prints NAME=ARGUMENT as code in a Markdown table, where a bar must be escaped. */
static void print_parameter_code(const struct param *param)
{
    (void)printf("`%s", param->name);
    for (const char *c = param->argument ? param->argument : ""; *c; c++)
        (void)printf("%s%s%c", c == param->argument ? "=" : "", *c == '|' ? "\\" : "", *c);
    for (size_t i = 0; param->choices && param->choices[i]; i++)
        (void)printf("%s%s", i == 0 ? "=" : "\\|", param->choices[i]);
    (void)putchar('`');
}

/* Prints README.md's table. */
static void print_parameter_table(void)
{
    (void)printf("| parameter | meaning |\n|---|---|\n");
    for (size_t i = 0; i < guest_param_count; i++) {
        const struct param *param = &guest_param_table[i];

        (void)printf(param->alias ? ", " : "| ");
        print_parameter_code(param);
        if (i + 1 == guest_param_count || !guest_param_table[i + 1].alias) {
            while (param->alias)
                param--;
            (void)printf(" | %s |\n", param->help);
        }
    }
}

static const struct template_table tables[] = {
    {"@OPTIONS@\n", print_run_options},         {"@COMMAND-OPTIONS@\n", print_command_options},
    {"@CONFIGURATION@\n", print_configuration}, {"@RELEASES@\n", print_releases},
    {"@PARAMETERS@\n", print_parameters},       {"@PARAMETER-TABLE@\n", print_parameter_table},
};

int main(int argc, char **argv)
{
    return template_main(argc, argv, "manual", tables, ELEMENTS(tables));
}
