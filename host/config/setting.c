/* SPDX-License-Identifier: MIT */
#include "host/config/setting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/strv.h"
#include "host/config/neighbours.h"
#include "host/config/schema.h"
#include "host/system/message.h"

/* The most parts of a path; no option has as many. */
#define PARTS_LIMIT 64

/* Splits a.b."c.d"=VALUE at the dots outside quotes. Returns VALUE; NULL: there is no =, or a quote
 * is open. */
static const char *split_path(struct strv *path, const char *text)
{
    char *part CLEANUP_FREE = xcalloc(strlen(text) + 1, 1);
    size_t length = 0;
    bool quoted = false;

    for (; *text && (quoted || *text != '='); text++) {
        if (*text == '"') {
            quoted = !quoted;
        } else if (*text == '.' && !quoted) {
            part[length] = '\0';
            strv_push(path, part);
            length = 0;
        } else {
            part[length++] = *text;
        }
    }
    part[length] = '\0';
    strv_push(path, part);
    return *text ? text + 1 : NULL;
}

/* The parts of the path from `from` to `to`, joined by dots; the caller frees. */
static char *join(const struct strv *path, size_t from, size_t to)
{
    struct strv some CLEANUP_STRV = {0};

    for (size_t i = from; i < to; i++)
        strv_push(&some, path->items[i]);
    return strv_join(&some, ".");
}

/* The last table of options that a path leads to. */
struct table {
    const struct option *options;
    size_t count;
    size_t at; /* the part of the path that is to be found in it */
};

static const struct type *find_type(const struct strv *path, size_t at, const struct type *type,
                                    struct table *table);

/* The type of the value that the path, from its part `table->at` on, names in the table; NULL:
 * there is no such option. */
static const struct type *find_option(const struct strv *path, struct table *table)
{
    for (size_t end = table->at + 1; end <= path->count; end++) {
        char *name CLEANUP_FREE = join(path, table->at, end);
        const struct option *option = option_find(table->options, table->count, name);

        if (option)
            return find_type(path, end, option->type, table);
    }
    return NULL;
}

static const struct type *find_type(const struct strv *path, size_t at, const struct type *type,
                                    struct table *table)
{
    if (at == path->count)
        return type;
    switch (type->kind) {
    case TYPE_ATTRS:
        return find_type(path, at + 1, type->element, table);
    case TYPE_SUBMODULE:
        *table = (struct table){type->options, type->option_count, at};
        return find_option(path, table);
    case TYPE_NULL_OR:
        return find_type(path, at, type->element, table);
    case TYPE_EITHER:
        return find_type(path, at, type->other, table);
    case TYPE_ANYTHING:
        return type;
    default:
        return NULL;
    }
}

/* Reads VALUE as the type wants it: as JSON, if that fits and is no string; else as the text
 * itself, if a string fits (quotes belong to the option's value) or it is a wrong choice; else as
 * JSON that the check of types will refuse. Returns a new reference; NULL: none of these. */
static json_t *read_value(const struct type *type, const char *value)
{
    json_t *json = json_loads(value, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    json_t *text = json_string(value);
    bool plain = json && !json_is_string(json);

    if (plain && (json_object_get(json, "_type") || type_accepts(type, json))) {
        json_decref(text);
        return json;
    }
    if (text && (type_accepts(type, text) || !json || type->kind == TYPE_CHOICE)) {
        json_decref(json);
        return text;
    }
    json_decref(text);
    return json;
}

/* The tree in which the option of that path has that value; a new reference. Takes over that of
 * `value`. NULL: a name is not UTF-8. */
static json_t *nest(const struct strv *path, json_t *value)
{
    for (size_t i = path->count; i-- > 0;) {
        json_t *outer = json_object();

        if (json_object_set_new(outer, path->items[i], value) < 0) {
            json_decref(outer);
            return NULL;
        }
        value = outer;
    }
    return value;
}

/* Returns -EINVAL with an error that names the option which may have been meant. */
static int refuse(const char *source, const struct strv *path, const struct table *table,
                  const char *name, struct error *e)
{
    bool whole = table->options == schema_options;
    char *rest CLEANUP_FREE = join(path, table->at, path->count);
    char *meant CLEANUP_FREE = whole ? neighbours_meant(table->options, table->count, rest) : NULL;
    const char *nearest = meant ? meant : option_nearest(table->options, table->count, rest);

    return error_set(e, -EINVAL, "%s: %s: is not an option, expected %s%s", source, name,
                     nearest ? "perhaps " : "one of run-vm.json(5)", nearest ? nearest : "");
}

/* The value as lib.mkDefault makes it. Takes over the reference, and returns a new one. */
static json_t *as_default(json_t *value)
{
    return json_pack("{s:s, s:i, s:o}", "_type", "override", "priority", PRIORITY_MK_DEFAULT,
                     "content", value);
}

/* Adds a source in which the option of that path has that value, whose reference it takes over. */
static int add(struct config *config, const char *source, const struct strv *path, json_t *value,
               bool is_default, struct error *e)
{
    json_t *tree = nest(path, is_default ? as_default(value) : value);

    if (!tree) {
        char *whole CLEANUP_FREE = join(path, 0, path->count);
        char *name CLEANUP_FREE = message_clip(whole, MESSAGE_NAME);

        return error_set(e, -EINVAL, "%s: %s: is not UTF-8, expected a name", source, name);
    }
    source_add(&config->sources, source, tree, !is_default);
    return 0;
}

static int add_text(struct config *config, const char *source, const char *setting, bool is_default,
                    struct error *e)
{
    struct strv path CLEANUP_STRV = {0};
    const char *value = split_path(&path, setting);
    char *whole CLEANUP_FREE = join(&path, 0, path.count);
    char *name CLEANUP_FREE = message_clip(whole, MESSAGE_NAME);

    if (path.count > PARTS_LIMIT)
        return error_set(e, -EINVAL, "%s: %s: has more than %d parts, expected an option", source,
                         name, PARTS_LIMIT);
    if (!value)
        return error_set(e, -EINVAL, "-o %.*s: expected OPTION=VALUE", (int)strcspn(name, "="),
                         name);
    struct table table = {schema_options, schema_option_count, 0};
    const struct type *type = find_option(&path, &table);
    if (!type && neighbours_are_others(whole)) {
        strv_pushf(&config->warnings, "%s: %s has no effect on run-vm.", source, name);
        return 0;
    }
    if (!type)
        return refuse(source, &path, &table, name, e);
    json_t *json = read_value(type, value);
    if (!json)
        return error_set(e, -EINVAL, "%s: %s: is not UTF-8, expected %s", source, name, type->name);
    return add(config, source, &path, json, is_default, e);
}

int setting_add(struct config *config, const char *setting, struct error *e)
{
    return add_text(config, "command line", setting, false, e);
}

int setting_add_as(struct config *config, const char *name, const char *setting, struct error *e)
{
    return add_text(config, name, setting, false, e);
}

int setting_add_default(struct config *config, const char *setting, struct error *e)
{
    return add_text(config, "command line", setting, true, e);
}

int setting_add_value(struct config *config, const char *name, const struct setting_value *value,
                      struct error *e)
{
    struct strv path CLEANUP_STRV = {0};

    if (value->option)
        (void)split_path(&path, value->option);
    return add(config, name, &path, json_incref(value->value), false, e);
}

void setting_free_value(struct setting_value *value)
{
    free(value->option);
    json_decref(value->value);
    *value = (struct setting_value){0};
}
