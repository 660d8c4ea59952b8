/* SPDX-License-Identifier: MIT */
#include "host/config/setting.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/strv.h"
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

static const struct type *find_type(const struct strv *path, size_t at, const struct type *type);

/* The type of the value that the path, from its part `at` on, names among `options`; NULL: there is
 * no such option. */
static const struct type *find_option(const struct strv *path, size_t at,
                                      const struct option *options, size_t count)
{
    for (size_t end = at + 1; end <= path->count; end++) {
        char *name CLEANUP_FREE = join(path, at, end);
        const struct option *option = option_find(options, count, name);

        if (option)
            return find_type(path, end, option->type);
    }
    return NULL;
}

static const struct type *find_type(const struct strv *path, size_t at, const struct type *type)
{
    if (at == path->count)
        return type;
    switch (type->kind) {
    case TYPE_ATTRS:
        return find_type(path, at + 1, type->element);
    case TYPE_SUBMODULE:
        return find_option(path, at, type->options, type->option_count);
    case TYPE_NULL_OR:
        return find_type(path, at, type->element);
    case TYPE_EITHER:
        return find_type(path, at, type->other);
    case TYPE_ANYTHING:
        return type;
    default:
        return NULL;
    }
}

/* Reads VALUE as the type wants it: as JSON, if that fits and is no string; else as the text
 * itself, if a string fits (quotes belong to the option's value); else as JSON that the check of
 * types will refuse. Returns a new reference; NULL: none of these. */
static json_t *read_value(const struct type *type, const char *value)
{
    json_t *json = json_loads(value, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    json_t *text = json_string(value);
    bool plain = json && !json_is_string(json);

    if (plain && (json_object_get(json, "_type") || type_accepts(type, json))) {
        json_decref(text);
        return json;
    }
    if (text && (type_accepts(type, text) || !json)) {
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

int setting_add(struct config *config, const char *setting, struct error *e)
{
    struct strv path CLEANUP_STRV = {0};
    const char *value = split_path(&path, setting);
    char *whole CLEANUP_FREE = join(&path, 0, path.count);
    char *name CLEANUP_FREE = message_clip(whole, MESSAGE_NAME);

    if (path.count > PARTS_LIMIT)
        return error_set(e, -EINVAL, "command line: %s: has more than %d parts, expected an option",
                         name, PARTS_LIMIT);
    if (!value)
        return error_set(e, -EINVAL, "-o %s: expected OPTION=VALUE", name);
    const struct type *type = find_option(&path, 0, schema_options, schema_option_count);
    if (!type) {
        const char *nearest = option_nearest(schema_options, schema_option_count, whole);

        return error_set(e, -EINVAL, "command line: %s: is not an option, expected %s%s", name,
                         nearest ? "perhaps " : "one of run-vm.json(5)", nearest ? nearest : "");
    }
    json_t *json = read_value(type, value);
    if (!json)
        return error_set(e, -EINVAL, "command line: %s: is not UTF-8, expected %s", name,
                         type->name);
    json_t *tree = nest(&path, json);
    if (!tree)
        return error_set(e, -EINVAL, "command line: %s: is not UTF-8, expected a name", name);
    source_add(&config->sources, "command line", tree, true);
    return 0;
}
