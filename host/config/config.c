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
#include "host/config/value.h"
#include "host/system/message.h"

/* The largest file in bytes: a larger one is no configuration, and its values would take many times
 * as much memory. */
#define SIZE_LIMIT (4 << 20)

/* The number of problems that are reported. */
#define PROBLEM_LIMIT 100

void config_add_tree(struct config *config, const char *name, json_t *tree)
{
    source_add(&config->sources, name, tree, false);
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

/* Reads a configuration as text. Returns 0 or a negative errno with the message. */
static int read_file(char **text, size_t *length, FILE *file, const char *name, struct error *e)
{
    struct stat st;

    if (fstat(fileno(file), &st) == 0 && S_ISDIR(st.st_mode))
        return error_set(e, -EISDIR, "%s: is a directory, expected a file with the configuration",
                         name);
    *text = read_whole(file, length);
    if (!*text)
        return error_errno(e, errno, "%s: cannot be read", name);
    if (*length > SIZE_LIMIT)
        return error_set(e, -EINVAL, "%s: is larger than %d MiB, expected a configuration", name,
                         SIZE_LIMIT >> 20);
    return 0;
}

/* Cuts off what the parser has read last: in a file with credentials it may be one. */
static void hide_token(json_error_t *error, const char *text, size_t length)
{
    static const char option[] = "credentials";
    char *token = strstr(error->text, " near '");

    if (token && memmem(text, length, option, strlen(option)))
        *token = '\0';
}

int config_add_file(struct config *config, const char *path, struct error *e)
{
    bool is_stdin = streq(path, "-");
    const char *name = is_stdin ? "stdin" : path;
    FILE *file CLEANUP_FCLOSE = is_stdin ? NULL : fopen(path, "re");

    if (!is_stdin && !file)
        return error_errno(e, errno, "%s: cannot be read", path);
    char *text CLEANUP_FREE = NULL;
    size_t length = 0;
    int r = read_file(&text, &length, is_stdin ? stdin : file, name, e);
    if (r < 0 || !text)
        return r;
    json_error_t error;
    json_t *tree = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    if (!tree) {
        hide_token(&error, text, length);
        return error_set(e, -EINVAL, "%s:%d:%d: %s", name, error.line, error.column, error.text);
    }
    if (!json_is_object(tree)) {
        json_decref(tree);
        return error_set(e, -EINVAL, "%s: is a list, expected a set of options ({...})", name);
    }
    config_add_tree(config, name, tree);
    return 0;
}

struct origin config_origin(const struct config *config, const char *option)
{
    return origin_find(&config->sources, config->values, option);
}

char *config_origin_name(const struct config *config, const char *option)
{
    return origin_name(&config->sources, config->values, option);
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

/* Notes "NAME: …" unless it has been noted. */
static void add_problem(struct config *config, const char *name, const char *format,
                        va_list arguments)
{
    char *text CLEANUP_FREE = xvasprintf(format, arguments);
    char *problem CLEANUP_FREE = xasprintf("%s: %s", name, text);

    if (!strv_contains(&config->problems, problem))
        config_note(config, "%s", problem);
}

void config_problem(struct config *config, const char *option, const char *format, ...)
{
    char *name CLEANUP_FREE = config_origin_name(config, option);
    va_list arguments;

    va_start(arguments, format);
    add_problem(config, name, format, arguments);
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
    const struct source *source = config_origin(config, cause).source;
    const char *file = source ? source->name : source_main_name(&config->sources);
    char *name CLEANUP_FREE = xasprintf("%s: %s", file, option);
    va_list arguments;

    va_start(arguments, format);
    add_problem(config, name, format, arguments);
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
        log_error("bug: %s is not in the table of options, or is read above its row", option);
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

json_int_t config_priority(const struct config *config, const char *option)
{
    const json_t *priority = json_object_get(config->priorities, option);

    return priority ? json_integer_value(priority) : PRIORITY_DEFAULT;
}

bool config_is_set(const struct config *config, const char *option)
{
    (void)config_get(config, option);
    return config_priority(config, option) <= PRIORITY_ORDINARY;
}

void config_free(struct config *config)
{
    source_free(&config->sources);
    share_free(&config->shares);
    free(config->store_reason);
    credential_free(&config->credentials);
    drive_free(&config->drives);
    port_forward_free(&config->forward_ports);
    filesystem_free(&config->filesystems);
    qemu_entry_free(&config->qemu_options);
    qemu_entry_free(&config->networking_options);
    free(config->empty_disks);
    netcard_free(&config->cards);
    json_decref(config->values);
    json_decref(config->priorities);
    strv_free(&config->problems);
    strv_free(&config->warnings);
    *config = (struct config){0};
}
