/* SPDX-License-Identifier: MIT */
#include "host/config/definition.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "host/config/value.h"

void definitions_add(struct definitions *list, const struct definition *definition)
{
    ARRAY_PUSH(list->items, list->count, *definition);
}

void definitions_free(struct definitions *list)
{
    free(list->items);
    *list = (struct definitions){0};
}

struct definition definition_plain(json_t *value, const struct source *source)
{
    return (struct definition){
        .value = value, .priority = PRIORITY_ORDINARY, .order = ORDER_ORDINARY, .source = source};
}

void definition_problem(struct config *config, const struct definition *d,
                        const struct position *at, const char *format, ...)
{
    char *path CLEANUP_FREE = position_path(at);
    va_list arguments;

    va_start(arguments, format);
    char *text CLEANUP_FREE = xvasprintf(format, arguments);
    va_end(arguments);
    if (d->source->built_in)
        config_problem(config, path, "%s", text);
    else
        config_note(config, "%s: %s: %s", d->source->name, path, text);
}

/* --- properties: objects with a "_type" --- */

static void discharge_merge(struct config *config, const struct position *at, struct definition d,
                            struct definitions *out)
{
    json_t *contents = json_object_get(d.value, "contents");

    if (!json_is_array(contents)) {
        definition_problem(config, &d, at, "\"_type\": \"merge\" has no list \"contents\"");
        return;
    }
    json_t *part;
    size_t i;
    json_array_foreach (contents, i, part) {
        d.value = part;
        definition_discharge(config, at, d, out);
    }
}

static void discharge_if(struct config *config, const struct position *at, struct definition d,
                         struct definitions *out)
{
    json_t *condition = json_object_get(d.value, "condition");

    if (!json_is_boolean(condition)) {
        definition_problem(config, &d, at,
                           "\"_type\": \"if\" has no \"condition\" that is true or false");
        return;
    }
    d.value = json_object_get(d.value, "content");
    if (json_is_true(condition))
        definition_discharge(config, at, d, out);
}

/* Refuses nested overrides: in the module system only the outermost priority has an effect, and the
 * inner override then fails as a value of the wrong type. */
static void discharge_override(struct config *config, const struct position *at,
                               struct definition d, struct definitions *out)
{
    json_t *priority = json_object_get(d.value, "priority");

    if (d.overridden) {
        definition_problem(config, &d, at, "has an override inside another override or an order");
        return;
    }
    if (!json_is_integer(priority)) {
        definition_problem(config, &d, at, "\"_type\": \"override\" has no integer \"priority\"");
        return;
    }
    d.priority = json_integer_value(priority);
    d.overridden = true;
    d.value = json_object_get(d.value, "content");
    definition_discharge(config, at, d, out);
}

static void discharge_order(struct config *config, const struct position *at, struct definition d,
                            struct definitions *out)
{
    json_t *priority = json_object_get(d.value, "priority");

    if (!json_is_integer(priority)) {
        definition_problem(config, &d, at, "\"_type\": \"order\" has no integer \"priority\"");
        return;
    }
    d.order = json_integer_value(priority);
    d.overridden = true; /* no override may follow */
    d.value = json_object_get(d.value, "content");
    definition_discharge(config, at, d, out);
}

static const struct property {
    const char *name;
    void (*discharge)(struct config *config, const struct position *at, struct definition d,
                      struct definitions *out);
} properties[] = {
    {"merge", discharge_merge},
    {"if", discharge_if},
    {"override", discharge_override},
    {"order", discharge_order},
};

void definition_discharge(struct config *config, const struct position *at, struct definition d,
                          struct definitions *out)
{
    const char *name = value_text(d.value, "_type");

    if (!d.value) {
        definition_problem(config, &d, at, "has a \"_type\" without \"content\"");
        return;
    }
    if (!name) {
        definitions_add(out, &d);
        return;
    }
    for (size_t i = 0; i < ELEMENTS(properties); i++)
        if (streq(properties[i].name, name)) {
            properties[i].discharge(config, at, d, out);
            return;
        }
    definition_problem(config, &d, at,
                       "has \"_type\": \"%s\", expected override, order, merge or if", name);
}

/* --- which definitions remain --- */

void definitions_keep_strongest(const struct type *type, struct definitions *list)
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

void definitions_sort(struct definitions *list)
{
    for (size_t i = 1; i < list->count; i++) {
        struct definition d = list->items[i];
        size_t j = i;

        for (; j > 0 && list->items[j - 1].order > d.order; j--)
            list->items[j] = list->items[j - 1];
        list->items[j] = d;
    }
}

const struct definition *definitions_latest(const struct config *config,
                                            const struct definitions *list)
{
    for (size_t i = config->sources.count; i-- > 0;)
        for (size_t j = 0; j < list->count; j++)
            if (list->items[j].source == &config->sources.items[i])
                return &list->items[j];
    return &list->items[list->count - 1];
}
