/* SPDX-License-Identifier: MIT */
#include "host/config/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "host/config/definition.h"
#include "host/config/origin.h"
#include "host/config/resolve.h"
#include "host/config/schema.h"
#include "host/config/setting.h"
#include "host/config/value.h"
#include "host/system/message.h"

/* The most bytes of a file: what is larger is something else, and its values would take many times
 * the memory. */
#define SIZE_LIMIT (4 << 20)

/* How many problems are told of. */
#define PROBLEM_LIMIT 100

static void add_source(struct config *config, char *name, json_t *tree, bool command_line)
{
    struct source *source = xcalloc(1, sizeof *source);

    *source = (struct source){.name = name, .tree = tree, .command_line = command_line};
    config->sources =
        xreallocarray(config->sources, config->source_count + 1, sizeof(struct source *));
    config->sources[config->source_count++] = source;
}

void config_add_tree(struct config *config, const char *name, json_t *tree)
{
    add_source(config, xstrdup(name), tree, false);
}

/* Reads the rest of a file, up to one byte past the limit, which shows that it is too large. The
 * caller frees; NULL with errno. */
static char *read_whole(FILE *file, size_t *length)
{
    char *text CLEANUP_FREE = NULL;
    size_t size = 0;

    *length = 0;
    while (*length == size && size <= SIZE_LIMIT) {
        size = size ? 2 * size : 65536;
        if (size > SIZE_LIMIT)
            size = SIZE_LIMIT + 1;
        text = xreallocarray(text, size, 1);
        *length += fread(text + *length, 1, size - *length, file);
    }
    return ferror(file) ? NULL : TAKE(text);
}

int config_add_file(struct config *config, const char *path, struct error *e)
{
    bool is_stdin = streq(path, "-");
    const char *name = is_stdin ? "stdin" : path;
    FILE *file CLEANUP_FCLOSE = NULL;
    char *text CLEANUP_FREE = NULL;
    size_t length;
    json_error_t error;
    struct stat st;
    json_t *tree;

    if (!is_stdin) {
        file = fopen(path, "re");
        if (!file)
            return error_errno(e, errno, "%s: cannot be read", path);
    }
    if (fstat(fileno(is_stdin ? stdin : file), &st) == 0 && S_ISDIR(st.st_mode))
        return error_set(e, -EISDIR, "%s: is a directory, expected a file with the configuration",
                         name);
    text = read_whole(is_stdin ? stdin : file, &length);
    if (!text)
        return error_errno(e, errno, "%s: cannot be read", name);
    if (length > SIZE_LIMIT)
        return error_set(e, -EINVAL, "%s: is larger than %d MiB, expected a configuration", name,
                         SIZE_LIMIT >> 20);
    tree = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    if (!tree)
        return error_set(e, -EINVAL, "%s:%d:%d: %s", name, error.line, error.column, error.text);
    if (!json_is_object(tree)) {
        json_decref(tree);
        return error_set(e, -EINVAL, "%s: is a list, expected a set of options ({...})", name);
    }
    config_add_tree(config, name, tree);
    return 0;
}

int config_add_setting(struct config *config, const char *setting, struct error *e)
{
    json_t *tree;
    int r = setting_parse(&tree, setting, e);

    if (r < 0)
        return r;
    add_source(config, xstrdup("command line"), tree, true);
    return 0;
}

int config_resolve(struct config *config)
{
    struct definitions all CLEANUP_DEFINITIONS = {0};
    struct option_set set = {.options = schema_options, .count = schema_option_count};

    config->built_in = (struct source){.name = xstrdup("built in"), .built_in = true};
    config->values = set.values = json_object();
    config->priorities = set.priorities = xcalloc(schema_option_count, sizeof *config->priorities);
    for (size_t i = 0; i < config->source_count; i++) {
        struct definition d = {.value = config->sources[i]->tree,
                               .priority = PRIORITY_ORDINARY,
                               .order = ORDER_ORDINARY,
                               .source = config->sources[i]};

        definitions_add(&all, &d);
    }
    option_set_resolve(config, &set, &all);
    return config->problems.count ? -EINVAL : 0;
}

const char *config_file(const struct config *config)
{
    return config->source_count ? config->sources[0]->name : "command line";
}

void config_note(struct config *config, const char *format, ...)
{
    va_list arguments;

    if (++config->problem_count == PROBLEM_LIMIT + 1)
        strv_pushf(&config->problems, "there are more problems than these %d", PROBLEM_LIMIT);
    if (config->problem_count > PROBLEM_LIMIT)
        return;
    va_start(arguments, format);
    strv_take(&config->problems, xvasprintf(format, arguments));
    va_end(arguments);
}

static void add_problem(struct config *config, char *name, const char *format, va_list arguments)
{
    char *text CLEANUP_FREE = xvasprintf(format, arguments);
    char *problem CLEANUP_FREE = xasprintf("%s: %s", name, text);

    if (!strv_contains(&config->problems, problem))
        config_note(config, "%s", problem);
    free(name);
}

void config_problem(struct config *config, const char *option, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    add_problem(config, origin_name(config, option), format, arguments);
    va_end(arguments);
}

void config_text_problem(struct config *config, const char *option, const char *text,
                         const char *what)
{
    char *shown CLEANUP_FREE = message_clip(text, MESSAGE_NAME);

    config_problem(config, option, "\"%s\" %s", shown, what);
}

void config_problem_of(struct config *config, const char *cause, const char *option,
                       const char *format, ...)
{
    const struct source *source = origin_find(config, cause).source;
    va_list arguments;

    va_start(arguments, format);
    add_problem(config, xasprintf("%s: %s", source ? source->name : config_file(config), option),
                format, arguments);
    va_end(arguments);
}

bool config_has_problem(const struct config *config, const char *option)
{
    char *name CLEANUP_FREE = xasprintf(": %s", option);

    for (size_t i = 0; i < config->problems.count; i++) {
        const char *at = strstr(config->problems.items[i], name);

        if (at && (at[strlen(name)] == ':' || at[strlen(name)] == '.'))
            return true;
    }
    return false;
}

json_t *config_get(const struct config *config, const char *option)
{
    json_t *value = json_object_get(config->values, option);

    if (!value) {
        log_error("%s is not in the table of options, or is used above its row", option);
        abort();
    }
    return value;
}

bool config_bool(const struct config *config, const char *option)
{
    return json_is_true(config_get(config, option));
}

json_int_t config_integer(const struct config *config, const char *option)
{
    return json_integer_value(config_get(config, option));
}

const char *config_text(const struct config *config, const char *option)
{
    return json_string_value(config_get(config, option));
}

struct strv config_texts(const struct config *config, const char *option)
{
    struct strv list = {0};

    value_texts(&list, config_get(config, option));
    return list;
}

bool config_is_set(const struct config *config, const char *option)
{
    (void)config_get(config, option);
    return config->priorities[schema_find(schema_options, schema_option_count, option) -
                              schema_options] <= PRIORITY_ORDINARY;
}

void config_free(struct config *config)
{
    for (size_t i = 0; i < config->source_count; i++) {
        free(config->sources[i]->name);
        json_decref(config->sources[i]->tree);
        free(config->sources[i]);
    }
    free(config->sources);
    free(config->built_in.name);
    share_free(&config->shares);
    drive_free(&config->drives);
    port_forward_free(&config->forward_ports);
    filesystem_free(&config->filesystems);
    qemu_entry_free(&config->qemu_options);
    qemu_entry_free(&config->networking_options);
    free(config->empty_disks);
    free(config->vlans);
    json_decref(config->values);
    free(config->priorities);
    strv_free(&config->problems);
    strv_free(&config->warnings);
    *config = (struct config){0};
}
