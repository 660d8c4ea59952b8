/* SPDX-License-Identifier: MIT */
#include "host/config/resolve.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "host/config/neighbours.h"
#include "host/config/value.h"

/* The definitions of each option, while they are sorted out. */
struct sorting {
    struct config *config;
    const struct option_set *set;
    struct definitions *of;    /* one for each option */
    const struct source *last; /* of those that define any; NULL: none */
    struct strv meant;         /* options whose names were misspelt */
};

/* Whether `name` is a group of options: virtualisation.qemu. */
static bool is_group(const struct option_set *set, const char *name)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < set->count; i++)
        if (!strncmp(set->options[i].name, name, length) && set->options[i].name[length] == '.')
            return true;
    return false;
}

/* The top level has options of all of NixOS; in these two groups we know every one. */
static bool must_know(const struct option_set *set, const char *name)
{
    return set->place || !strncmp(name, "virtualisation.", 15) || !strncmp(name, "runVm.", 6);
}

static void note_unknown(struct sorting *s, const struct definition *d, const char *name)
{
    const struct position place = {.within = s->set->place, .name = name};
    char *meant CLEANUP_FREE = NULL;

    if (neighbours_are_others(name))
        return;
    if (!s->set->place)
        meant = neighbours_meant(s->set->options, s->set->count, name);
    if (!meant && !must_know(s->set, name))
        return;
    if (!meant) {
        const char *nearest = schema_nearest(s->set->options, s->set->count, name);

        meant = xstrdup(nearest ? nearest : "");
    }
    strv_push(&s->meant, meant);
    if (*meant)
        merge_problem(s->config, d, &place, "is not an option, expected perhaps %s", meant);
    else
        merge_problem(s->config, d, &place, "is not an option, expected one of run-vm.json(5)");
}

/* Notes a name with a dot in it ("a.b": 1), which is not b in a group a ("a": {"b": 1}). */
static void note_dotted(struct sorting *s, const struct definition *d, const char *key,
                        const char *name)
{
    const struct position place = {.within = s->set->place, .name = name};

    merge_problem(s->config, d, &place,
                  "is not an option when written as \"%s\", expected a set inside a set: "
                  "{\"%.*s\": {\"%s\": ...}}",
                  key, (int)strcspn(key, "."), key, strchr(key, '.') + 1);
}

static void sort_out(struct sorting *s, const char *name, struct definition d);

static void sort_out_key(struct sorting *s, const char *group, const char *key,
                         const struct definition *d)
{
    char *name CLEANUP_FREE = *group ? xasprintf("%s.%s", group, key) : xstrdup(key);
    const struct option *option = schema_find(s->set->options, s->set->count, name);

    bool dotted = strchr(key, '.') != NULL; /* "a.b" is no option although a.b may be one */

    if (option && !dotted)
        definitions_add(&s->of[option - s->set->options], d);
    else if (is_group(s->set, name) && !dotted)
        sort_out(s, name, *d);
    else if (dotted && (option || is_group(s->set, name)))
        note_dotted(s, d, key, name);
    else
        note_unknown(s, d, name);
}

/* Gives each option in a definition of a group to that option; properties of the whole group
 * become properties of each. */
static void sort_out(struct sorting *s, const char *group, struct definition d)
{
    struct definitions plain CLEANUP_DEFINITIONS = {0};
    const struct position place = {.within = s->set->place, .name = group};

    merge_discharge(s->config, &place, d, &plain);
    for (size_t i = 0; i < plain.count; i++) {
        struct definition part = plain.items[i];
        char *shown CLEANUP_FREE = NULL;
        const char **keys CLEANUP_FREE = NULL;
        json_t *object = part.value;
        size_t count;

        if (!json_is_object(object)) {
            shown = merge_show(object);
            merge_problem(s->config, &part, &place, "is %s, expected a set of options", shown);
            continue;
        }
        keys = value_keys(object, &count);
        for (size_t j = 0; j < count; j++) {
            part.value = json_object_get(object, keys[j]);
            sort_out_key(s, group, keys[j], &part);
        }
    }
}

/* What was said under an option's old name is said under its new one, as strongly. */
static void follow_alias(struct sorting *s, const struct option *option)
{
    struct definitions *old = &s->of[option - s->set->options];
    const struct option *new = schema_find(s->set->options, s->set->count, option->alias_of);
    const struct position place = {.within = s->set->place, .name = option->name};
    struct definitions plain CLEANUP_DEFINITIONS = {0};

    for (size_t i = 0; i < old->count; i++)
        merge_discharge(s->config, &place, old->items[i], &plain);
    if (!plain.count)
        return;
    strv_pushf(&s->config->warnings, "The option `%s' has been renamed to `%s'.", option->name,
               option->alias_of);
    merge_keep_strongest(option->type, &plain);
    for (size_t i = 0; i < plain.count; i++) {
        plain.items[i].overridden = true;
        definitions_add(&s->of[new - s->set->options], &plain.items[i]);
    }
}

static void add_built_in(struct sorting *s, json_t *value, json_int_t priority,
                         struct definitions *list)
{
    struct definition d = {.value = value,
                           .priority = priority,
                           .order = ORDER_ORDINARY,
                           .overridden = priority == PRIORITY_DEFAULT,
                           .source = &s->config->built_in};

    definitions_add(list, &d);
}

/* Built-in entries come first in the whole table; in a submodule, which turns the order of
 * modules round, they come last. */
static void collect(struct sorting *s, const struct definitions *given, const json_t *built_in,
                    struct definitions *all)
{
    json_t *value;
    size_t i;

    for (i = 0; s->set->place && i < given->count; i++)
        definitions_add(all, &given->items[i]);
    json_array_foreach (built_in, i, value)
        add_built_in(s, value, PRIORITY_ORDINARY, all);
    for (i = 0; !s->set->place && i < given->count; i++)
        definitions_add(all, &given->items[i]);
}

/* JSON of our own. Most of it is one of a few words, which need no parser. */
static json_t *constant(const char *text)
{
    static const struct {
        const char *text;
        json_t *(*make)(void);
    } words[] = {{"null", json_null},
                 {"false", json_false},
                 {"true", json_true},
                 {"[]", json_array},
                 {"{}", json_object}};

    for (size_t i = 0; i < ELEMENTS(words); i++)
        if (streq(words[i].text, text))
            return words[i].make();
    return json_loads(text, JSON_DECODE_ANY, NULL);
}

/* The default of an option; a new reference, NULL where it has none. */
static json_t *default_of(const struct option *option, const struct scope *scope)
{
    if (option->compute)
        return option->compute(scope);
    return option->value ? constant(option->value) : NULL;
}

/* A default that nobody has defined anything beside is the value as it is: it is ours, and right.
 */
static struct merged merge_with_default(struct sorting *s, const struct position *place,
                                        const struct option *option, json_t *fallback,
                                        struct definitions *all)
{
    if (!all->count)
        return (struct merged){.value = json_incref(fallback),
                               .missing = !fallback,
                               .priority = fallback ? PRIORITY_DEFAULT : 0};
    if (fallback)
        add_built_in(s, fallback, PRIORITY_DEFAULT, all);
    return merge_definitions(s->config, place, option->type, all);
}

static void resolve_one(struct sorting *s, const struct option *option)
{
    const struct option_set *set = s->set;
    const struct scope scope = {.config = s->config,
                                .values = set->values,
                                .name =
                                    set->place && set->place->attribute ? set->place->name : NULL};
    const struct position place = {.within = set->place, .name = option->name};
    struct definitions all CLEANUP_DEFINITIONS = {0};
    json_t *built_in = option->define ? json_array() : NULL;
    json_t *fallback = default_of(option, &scope);
    struct merged merged;

    if (option->define)
        option->define(&scope, built_in);
    collect(s, &s->of[option - set->options], built_in, &all);
    merged = merge_with_default(s, &place, option, fallback, &all);
    if (merged.missing && !strv_contains(&s->meant, option->name)) {
        char *path CLEANUP_FREE = merge_path(&place);

        config_note(s->config, "%s: %s: is not set, expected %s",
                    s->last ? s->last->name : config_file(s->config), path, option->type->name);
    }
    if (!merged.value)
        merged.value = fallback ? json_incref(fallback) : json_null();
    json_object_set_new(set->values, option->name, merged.value);
    if (option->decode)
        option->decode(s->config, merged.value);
    if (set->priorities)
        set->priorities[option - set->options] = merged.priority;
    json_decref(built_in);
    json_decref(fallback);
}

/* The last source that defines any of the options; NULL: only built-in definitions do. */
static const struct source *latest_source(const struct config *config,
                                          const struct definitions *definitions)
{
    const struct definition *latest = definitions->count ? merge_latest(config, definitions) : NULL;

    return latest && !latest->source->built_in ? latest->source : NULL;
}

void option_set_resolve(struct config *config, const struct option_set *set,
                        const struct definitions *definitions)
{
    struct sorting s = {
        .config = config, .set = set, .of = xcalloc(set->count, sizeof(struct definitions))};

    s.last = latest_source(config, definitions);
    for (size_t i = 0; i < definitions->count; i++)
        sort_out(&s, "", definitions->items[i]);
    for (size_t i = 0; i < set->count; i++) {
        if (set->options[i].alias_of)
            follow_alias(&s, &set->options[i]);
        else
            resolve_one(&s, &set->options[i]);
    }
    for (size_t i = 0; i < set->count; i++)
        definitions_free(&s.of[i]);
    free(s.of);
    strv_free(&s.meant);
}
