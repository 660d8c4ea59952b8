/* SPDX-License-Identifier: MIT */
#include "host/config/definition.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "host/config/qemuentry.h"
#include "host/config/resolve.h"
#include "host/config/value.h"
#include "host/system/message.h"

void definitions_add(struct definitions *list, const struct definition *definition)
{
    list->items = xreallocarray(list->items, list->count + 1, sizeof *list->items);
    list->items[list->count++] = *definition;
}

void definitions_free(struct definitions *list)
{
    free(list->items);
    *list = (struct definitions){0};
}

char *merge_show(const json_t *value)
{
    char *json CLEANUP_FREE = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

    if (!json)
        return xstrdup("?");
    return message_clip(json, MESSAGE_VALUE);
}

static bool is_plain(const char *name)
{
    bool plain = isalpha((unsigned char)*name) || *name == '_';

    for (const char *c = name; *c && plain; c++)
        plain = isalnum((unsigned char)*c) || strchr("_-'", *c);
    return plain;
}

char *merge_path(const struct position *place)
{
    char *within CLEANUP_FREE = place->within ? merge_path(place->within) : xstrdup("");

    if (place->entry)
        return xasprintf("%s.<entry %zu>", within, place->entry);

    char *name CLEANUP_FREE = message_clip(place->name, MESSAGE_NAME);
    const char *quote = place->attribute && !is_plain(place->name) ? "\"" : "";

    return xasprintf("%s%s%s%s%s", within, *within ? "." : "", quote, name, quote);
}

void merge_problem(struct config *config, const struct definition *d, const struct position *place,
                   const char *format, ...)
{
    va_list arguments;
    char *path CLEANUP_FREE = merge_path(place);
    char *text CLEANUP_FREE = NULL;

    va_start(arguments, format);
    text = xvasprintf(format, arguments);
    va_end(arguments);
    if (d->source->built_in)
        config_problem(config, path, "%s", text);
    else
        config_note(config, "%s: %s: %s", d->source->name, path, text);
}

/* --- properties: objects with a "_type" --- */

static void discharge_merge(struct config *config, const struct position *place,
                            struct definition d, struct definitions *out)
{
    json_t *contents = json_object_get(d.value, "contents");
    json_t *part;
    size_t i;

    if (!json_is_array(contents)) {
        merge_problem(config, &d, place, "\"_type\": \"merge\" has no list \"contents\"");
        return;
    }
    json_array_foreach (contents, i, part) {
        d.value = part;
        merge_discharge(config, place, d, out);
    }
}

static void discharge_if(struct config *config, const struct position *place, struct definition d,
                         struct definitions *out)
{
    json_t *condition = json_object_get(d.value, "condition");

    if (!json_is_boolean(condition)) {
        merge_problem(config, &d, place,
                      "\"_type\": \"if\" has no \"condition\" that is true or false");
        return;
    }
    d.value = json_object_get(d.value, "content");
    if (json_is_true(condition))
        merge_discharge(config, place, d, out);
}

/* Outside an override only the outermost priority counts, as in the module system; an inner one
 * is left to fail as a value of the wrong type. */
static void discharge_override(struct config *config, const struct position *place,
                               struct definition d, struct definitions *out)
{
    json_t *priority = json_object_get(d.value, "priority");

    if (d.overridden) {
        merge_problem(config, &d, place, "has an override inside another override or an order");
        return;
    }
    if (!json_is_integer(priority)) {
        merge_problem(config, &d, place, "\"_type\": \"override\" has no integer \"priority\"");
        return;
    }
    d.priority = json_integer_value(priority);
    d.overridden = true;
    d.value = json_object_get(d.value, "content");
    merge_discharge(config, place, d, out);
}

static void discharge_order(struct config *config, const struct position *place,
                            struct definition d, struct definitions *out)
{
    json_t *priority = json_object_get(d.value, "priority");

    if (!json_is_integer(priority)) {
        merge_problem(config, &d, place, "\"_type\": \"order\" has no integer \"priority\"");
        return;
    }
    d.order = json_integer_value(priority);
    d.overridden = true; /* no override may follow */
    d.value = json_object_get(d.value, "content");
    merge_discharge(config, place, d, out);
}

static const struct property {
    const char *name;
    void (*discharge)(struct config *config, const struct position *place, struct definition d,
                      struct definitions *out);
} properties[] = {
    {"merge", discharge_merge},
    {"if", discharge_if},
    {"override", discharge_override},
    {"order", discharge_order},
};

/* Takes the properties off a definition: none, one or several are left. */
void merge_discharge(struct config *config, const struct position *place, struct definition d,
                     struct definitions *out)
{
    const char *name = json_string_value(json_object_get(d.value, "_type"));

    if (!d.value) {
        merge_problem(config, &d, place, "has a \"_type\" without \"content\"");
        return;
    }
    if (!name) {
        definitions_add(out, &d);
        return;
    }
    for (size_t i = 0; i < ELEMENTS(properties); i++)
        if (streq(properties[i].name, name)) {
            properties[i].discharge(config, place, d, out);
            return;
        }
    merge_problem(config, &d, place, "has \"_type\": \"%s\", expected override, order, merge or if",
                  name);
}

/* --- which definitions count --- */

/* The strongest ones; among those of the command line for a value that is not merged, the last. */
void merge_keep_strongest(const struct type *type, struct definitions *list)
{
    json_int_t strongest = INT64_MAX;
    const struct definition *last = NULL;
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++) {
        struct definition *d = &list->items[i];

        if (d->source->command_line && !d->overridden && !type_is_collection(type))
            d->priority = PRIORITY_COMMAND_LINE;
        if (d->priority < strongest)
            strongest = d->priority;
        if (d->source->command_line)
            last = d;
    }
    for (size_t i = 0; i < list->count; i++) {
        const struct definition *d = &list->items[i];
        bool repeated = d->source->command_line && !type_is_collection(type) && d != last;

        if (d->priority == strongest && !repeated)
            list->items[kept++] = *d;
    }
    list->count = kept;
}

/* By order, those of the same order as they come. */
static void sort_by_order(struct definitions *list)
{
    for (size_t i = 1; i < list->count; i++) {
        struct definition d = list->items[i];
        size_t j = i;

        for (; j > 0 && list->items[j - 1].order > d.order; j--)
            list->items[j] = list->items[j - 1];
        list->items[j] = d;
    }
}

static void check_type(struct config *config, const struct position *place, const struct type *type,
                       const struct definition *d)
{
    char *shown CLEANUP_FREE = NULL;

    if (type_accepts(type, d->value))
        return;
    shown = merge_show(d->value);
    merge_problem(config, d, place, "is %s, expected %s", shown, type->name);
}

/* --- merging by type --- */

/* All values, each with where it stands; the caller frees. */
static char *show_all(const struct definitions *list)
{
    struct strv shown CLEANUP_STRV = {0};

    for (size_t i = 0; i < list->count; i++) {
        const struct definition *d = &list->items[i];
        char *value CLEANUP_FREE = merge_show(d->value);

        strv_pushf(&shown, "%s (%s)", value, d->source->name);
    }
    return strv_join(&shown, ", ");
}

const struct definition *merge_latest(const struct config *config, const struct definitions *list)
{
    for (size_t i = config->source_count; i-- > 0;)
        for (size_t j = 0; j < list->count; j++)
            if (list->items[j].source == config->sources[i])
                return &list->items[j];
    return &list->items[list->count - 1];
}

/* Values that are not merged: all definitions must agree. */
static json_t *merge_equal(struct config *config, const struct position *place,
                           const struct type *type, const struct definitions *list)
{
    char *all CLEANUP_FREE = NULL;
    bool equal = true;

    (void)type;
    for (size_t i = 1; i < list->count && equal; i++)
        equal = json_equal(list->items[i].value, list->items[0].value);
    if (equal)
        return json_incref(list->items[0].value);
    all = show_all(list);
    merge_problem(config, merge_latest(config, list), place,
                  "has conflicting definitions: %s; expected one value, or one of them as "
                  "{\"_type\": \"override\", \"priority\": 50, \"content\": ...}",
                  all);
    return NULL;
}

/* A part of a definition, as a definition of its own. */
static struct definition part_of(const struct definition *whole, json_t *value)
{
    return (struct definition){.value = value,
                               .priority = PRIORITY_ORDINARY,
                               .order = ORDER_ORDINARY,
                               .source = whole->source};
}

/* One element of one definition of a list. */
static json_t *merge_element(struct config *config, const struct position *list_place,
                             const struct type *type, const struct definition *whole, size_t index)
{
    json_t *element = json_array_get(whole->value, index);
    struct definition d = part_of(whole, element);
    struct definitions one = {.items = &d, .count = 1};
    const struct position place = {.within = list_place, .entry = index + 1};

    if (whole->source->built_in && qemu_entry_name(element))
        return json_incref(element);
    return merge_definitions(config, &place, type, &one).value;
}

static json_t *merge_list(struct config *config, const struct position *place,
                          const struct type *type, const struct definitions *list)
{
    json_t *result = json_array();

    for (size_t i = 0; i < list->count; i++)
        for (size_t j = 0; j < json_array_size(list->items[i].value); j++) {
            json_t *merged = merge_element(config, place, type->element, &list->items[i], j);

            if (merged)
                json_array_append_new(result, merged);
        }
    return result;
}

static json_t *merge_attribute(struct config *config, const struct position *set,
                               const struct type *type, const struct definitions *list,
                               const char *name)
{
    struct definitions named CLEANUP_DEFINITIONS = {0};
    const struct position place = {.within = set, .name = name, .attribute = true};

    for (size_t i = 0; i < list->count; i++) {
        struct definition d = part_of(&list->items[i], json_object_get(list->items[i].value, name));

        if (d.value)
            definitions_add(&named, &d);
    }
    return merge_definitions(config, &place, type, &named).value;
}

static json_t *merge_attrs(struct config *config, const struct position *place,
                           const struct type *type, const struct definitions *list)
{
    json_t *all = json_object();
    json_t *result = json_object();
    const char **names CLEANUP_FREE = NULL;
    size_t count;

    for (size_t i = 0; i < list->count; i++)
        json_object_update(all, list->items[i].value);
    names = value_keys(all, &count);
    for (size_t i = 0; i < count; i++) {
        json_t *merged = merge_attribute(config, place, type->element, list, names[i]);

        if (merged)
            json_object_set_new(result, names[i], merged);
    }
    json_decref(all);
    return result;
}

/* A submodule is a module system of its own, in which later definitions come first. */
static json_t *merge_submodule(struct config *config, const struct position *place,
                               const struct type *type, const struct definitions *list)
{
    struct definitions reversed CLEANUP_DEFINITIONS = {0};
    struct option_set set = {.options = type->options,
                             .count = type->option_count,
                             .place = place,
                             .values = json_object()};

    for (size_t i = list->count; i-- > 0;)
        definitions_add(&reversed, &list->items[i]);
    option_set_resolve(config, &set, &reversed);
    return set.values;
}

static json_t *merge_null_or(struct config *config, const struct position *place,
                             const struct type *type, const struct definitions *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (json_is_null(list->items[i].value))
            return merge_equal(config, place, type, list);
    return merge_definitions(config, place, type->element, list).value;
}

/* A set that has options of its own gets their defaults; anything else is one value. */
static json_t *merge_either(struct config *config, const struct position *place,
                            const struct type *type, const struct definitions *list)
{
    if (type->other->kind == TYPE_SUBMODULE && json_is_object(list->items[0].value))
        return merge_definitions(config, place, type->other, list).value;
    return merge_equal(config, place, type, list);
}

static json_t *(*const mergers[])(struct config *config, const struct position *place,
                                  const struct type *type, const struct definitions *list) = {
    [TYPE_BOOL] = merge_equal,          [TYPE_INTEGER] = merge_equal, [TYPE_TEXT] = merge_equal,
    [TYPE_CHOICE] = merge_equal,        [TYPE_EITHER] = merge_either, [TYPE_ANYTHING] = merge_equal,
    [TYPE_NULL_OR] = merge_null_or,     [TYPE_LIST] = merge_list,     [TYPE_ATTRS] = merge_attrs,
    [TYPE_SUBMODULE] = merge_submodule,
};

struct merged merge_definitions(struct config *config, const struct position *place,
                                const struct type *type, const struct definitions *definitions)
{
    struct definitions list CLEANUP_DEFINITIONS = {0};
    struct merged result = {0};
    size_t before = config->problem_count;

    for (size_t i = 0; i < definitions->count; i++)
        merge_discharge(config, place, definitions->items[i], &list);
    merge_keep_strongest(type, &list);
    sort_by_order(&list);
    for (size_t i = 0; i < list.count; i++)
        check_type(config, place, type, &list.items[i]);
    if (config->problem_count > before)
        return result;
    result.missing = !list.count;
    if (result.missing)
        return result;
    result.priority = list.items[0].priority;
    result.value = mergers[type->kind](config, place, type, &list);
    return result;
}
