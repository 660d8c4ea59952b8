/* SPDX-License-Identifier: MIT */
#include "host/config/resolve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "host/config/neighbours.h"
#include "host/config/option.h"
#include "host/config/schema.h"
#include "host/config/value.h"

/* A table of options to be resolved: the whole one, or a submodule's. */
struct option_set {
    const struct option *options;
    size_t count;
    const struct position *at; /* of the submodule; NULL at the top level, where an unknown option
                                  usually belongs to another NixOS module and is ignored */
    json_t *values;            /* receives the values by name */
    json_t *priorities; /* receives the priorities by name, except PRIORITY_DEFAULT; NULL: they
                           are not needed */
};

static void resolve_options(struct config *config, const struct option_set *set,
                            const struct definitions *definitions);

/* --- one option: merging by type --- */

/* A value as a message at that position shows it; the caller frees. */
static char *show(const struct position *at, const json_t *value)
{
    return position_is_secret(at) ? xstrdup("(hidden)") : value_show(value);
}

static void check_type(struct config *config, const struct position *at, const struct type *type,
                       const struct definition *d)
{
    if (type_accepts(type, d->value))
        return;
    char *shown CLEANUP_FREE = show(at, d->value);
    definition_problem(config, d, at, "is %s, expected %s", shown, type->name);
}

/* The values, each with the name of its source, for a message; the caller frees. */
static char *show_all(const struct position *at, const struct definitions *list)
{
    struct strv shown CLEANUP_STRV = {0};

    for (size_t i = 0; i < list->count; i++) {
        const struct definition *d = &list->items[i];
        char *value CLEANUP_FREE = show(at, d->value);

        strv_pushf(&shown, "%s (%s)", value, d->source->name);
    }
    return strv_join(&shown, ", ");
}

/* Resolves values that cannot be merged: all definitions must agree. */
static json_t *merge_equal(struct config *config, const struct position *at,
                           const struct type *type, const struct definitions *list)
{
    json_t *first = type_canonical(type, list->items[0].value);
    bool equal = true;

    for (size_t i = 1; i < list->count && equal; i++) {
        json_t *other = type_canonical(type, list->items[i].value);

        equal = json_equal(first, other);
        json_decref(other);
    }
    if (equal)
        return first;
    json_decref(first);
    char *all CLEANUP_FREE = show_all(at, list);
    definition_problem(config, definitions_latest(config, list), at,
                       "has conflicting definitions: %s; expected one value, or one of them as "
                       "{\"_type\": \"override\", \"priority\": 50, \"content\": ...}",
                       all);
    return NULL;
}

/* Resolves one element of one definition of a list. */
static json_t *merge_element(struct config *config, const struct position *within,
                             const struct type *type, const struct definition *whole, size_t index)
{
    json_t *element = json_array_get(whole->value, index);
    struct definition d = definition_plain(element, whole->source);
    struct definitions one = {.items = &d, .count = 1};
    const struct position at = {.within = within, .entry = index + 1};

    if (whole->source->built_in && qemu_entry_name(element))
        return json_incref(element);
    return resolve_definitions(config, &at, type, &one).value;
}

static json_t *merge_list(struct config *config, const struct position *at, const struct type *type,
                          const struct definitions *list)
{
    json_t *result = json_array();

    for (size_t i = 0; i < list->count; i++)
        for (size_t j = 0; j < json_array_size(list->items[i].value); j++) {
            json_t *merged = merge_element(config, at, type->element, &list->items[i], j);

            if (merged)
                json_array_append_new(result, merged);
        }
    return result;
}

static json_t *merge_attribute(struct config *config, const struct position *within,
                               const struct type *type, const struct definitions *list,
                               const char *name)
{
    struct definitions named CLEANUP_DEFINITIONS = {0};
    const struct position at = {.within = within, .name = name, .attribute = true};

    for (size_t i = 0; i < list->count; i++) {
        const struct definition *set = &list->items[i];
        struct definition d = definition_plain(json_object_get(set->value, name), set->source);

        if (d.value)
            definitions_add(&named, &d);
    }
    return resolve_definitions(config, &at, type, &named).value;
}

static json_t *merge_attrs(struct config *config, const struct position *at,
                           const struct type *type, const struct definitions *list)
{
    json_t *all = json_object();
    json_t *result = json_object();

    for (size_t i = 0; i < list->count; i++)
        json_object_update(all, list->items[i].value);
    size_t count;
    const char **names CLEANUP_FREE = value_keys(all, &count);
    for (size_t i = 0; i < count; i++) {
        json_t *merged = merge_attribute(config, at, type->element, list, names[i]);

        if (merged)
            json_object_set_new(result, names[i], merged);
    }
    json_decref(all);
    return result;
}

/* Resolves a submodule: a module system of its own, in which later definitions come first. */
static json_t *merge_submodule(struct config *config, const struct position *at,
                               const struct type *type, const struct definitions *list)
{
    struct definitions reversed CLEANUP_DEFINITIONS = {0};
    struct option_set set = {
        .options = type->options, .count = type->option_count, .at = at, .values = json_object()};

    for (size_t i = list->count; i-- > 0;)
        definitions_add(&reversed, &list->items[i]);
    resolve_options(config, &set, &reversed);
    return set.values;
}

static json_t *merge_null_or(struct config *config, const struct position *at,
                             const struct type *type, const struct definitions *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (json_is_null(list->items[i].value))
            return merge_equal(config, at, type, list);
    return resolve_definitions(config, at, type->element, list).value;
}

/* Gives a set that has options of its own their defaults; anything else is one value. */
static json_t *merge_either(struct config *config, const struct position *at,
                            const struct type *type, const struct definitions *list)
{
    if (type->other->kind == TYPE_SUBMODULE && json_is_object(list->items[0].value))
        return resolve_definitions(config, at, type->other, list).value;
    return merge_equal(config, at, type, list);
}

static json_t *(*const mergers[])(struct config *config, const struct position *at,
                                  const struct type *type, const struct definitions *list) = {
    [TYPE_BOOL] = merge_equal,          [TYPE_INTEGER] = merge_equal,
    [TYPE_SIZE] = merge_equal,          [TYPE_TEXT] = merge_equal,
    [TYPE_CHOICE] = merge_equal,        [TYPE_EITHER] = merge_either,
    [TYPE_LIST] = merge_list,           [TYPE_ATTRS] = merge_attrs,
    [TYPE_SUBMODULE] = merge_submodule, [TYPE_ANYTHING] = merge_equal,
    [TYPE_NULL_OR] = merge_null_or,
};

struct resolved resolve_definitions(struct config *config, const struct position *at,
                                    const struct type *type, const struct definitions *definitions)
{
    struct definitions list CLEANUP_DEFINITIONS = {0};
    struct resolved result = {0};
    size_t before = config->problem_count;

    for (size_t i = 0; i < definitions->count; i++)
        definition_discharge(config, at, definitions->items[i], &list);
    definitions_keep_strongest(type, &list);
    definitions_sort(&list);
    for (size_t i = 0; i < list.count; i++)
        check_type(config, at, type, &list.items[i]);
    if (config->problem_count > before)
        return result;
    result.missing = !list.count;
    if (result.missing)
        return result;
    result.priority = list.items[0].priority;
    result.value = mergers[type->kind](config, at, type, &list);
    return result;
}

/* --- a table of options --- */

/* The source of defaults and built-in definitions. */
static char built_in_name[] = "built in";
static const struct source built_in_source = {.name = built_in_name, .built_in = true};

/* The definitions of each option, while they are being sorted. */
struct sorting {
    struct config *config;
    const struct option_set *set;
    struct definitions *of;    /* one for each option */
    const struct source *last; /* the last source that defines any of the options; NULL: none */
    struct strv meant;         /* options whose names are misspelt */
};

/* True if `name` is a group of options, such as virtualisation.qemu. */
static bool is_group(const struct option_set *set, const char *name)
{
    for (size_t i = 0; i < set->count; i++) {
        const char *rest = startswith(set->options[i].name, name);

        if (rest && *rest == '.')
            return true;
    }
    return false;
}

/* True if an unknown option is an error. The top level has the options of all of NixOS, but every
 * option of two of its groups is known. */
static bool must_know(const struct option_set *set, const char *name)
{
    return set->at || startswith(name, "virtualisation.") || startswith(name, "runVm.");
}

static void note_unknown(struct sorting *s, const struct definition *d, const char *name)
{
    const struct position at = {.within = s->set->at, .name = name};
    char *meant CLEANUP_FREE = NULL;

    if (neighbours_are_others(name))
        return;
    if (!s->set->at)
        meant = neighbours_meant(s->set->options, s->set->count, name);
    if (!meant && !must_know(s->set, name))
        return;
    if (!meant) {
        const char *nearest = option_nearest(s->set->options, s->set->count, name);

        meant = xstrdup(nearest ? nearest : "");
    }
    strv_push(&s->meant, meant);
    if (*meant)
        definition_problem(s->config, d, &at, "is not an option, expected perhaps %s", meant);
    else
        definition_problem(s->config, d, &at, "is not an option, expected one of run-vm.json(5)");
}

/* Notes a name that contains a dot ("a.b": 1): it is not b in a group a ("a": {"b": 1}). */
static void note_dotted(struct sorting *s, const struct definition *d, const char *key,
                        const char *name)
{
    const struct position at = {.within = s->set->at, .name = name};

    definition_problem(s->config, d, &at,
                       "is not an option when written as \"%s\", expected a set inside a set: "
                       "{\"%.*s\": {\"%s\": ...}}",
                       key, (int)strcspn(key, "."), key, strchr(key, '.') + 1);
}

static void sort_out(struct sorting *s, const char *name, struct definition d);

static void sort_out_key(struct sorting *s, const char *group, const char *key,
                         const struct definition *d)
{
    char *name CLEANUP_FREE = *group ? xasprintf("%s.%s", group, key) : xstrdup(key);
    const struct option *option = option_find(s->set->options, s->set->count, name);
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

/* Assigns the parts of a group's definition to the options. Properties of the whole group become
 * properties of each part. */
static void sort_out(struct sorting *s, const char *group, struct definition d)
{
    struct definitions plain CLEANUP_DEFINITIONS = {0};
    const struct position at = {.within = s->set->at, .name = group};

    definition_discharge(s->config, &at, d, &plain);
    for (size_t i = 0; i < plain.count; i++) {
        struct definition part = plain.items[i];
        json_t *object = part.value;

        if (!json_is_object(object)) {
            char *shown CLEANUP_FREE =
                json_is_array(object) ? xstrdup("a list") : show(&at, object);

            definition_problem(s->config, &part, &at, "is %s, expected a set of options", shown);
            continue;
        }
        size_t count;
        const char **keys CLEANUP_FREE = value_keys(object, &count);
        for (size_t j = 0; j < count; j++) {
            part.value = json_object_get(object, keys[j]);
            sort_out_key(s, group, keys[j], &part);
        }
    }
}

/* Moves definitions under an option's old name to its new one, with their priority. */
static void follow_alias(struct sorting *s, const struct option *option)
{
    struct definitions *old = &s->of[option - s->set->options];
    const struct option *new = option_find(s->set->options, s->set->count, option->alias_of);
    const struct position at = {.within = s->set->at, .name = option->name};
    struct definitions plain CLEANUP_DEFINITIONS = {0};

    for (size_t i = 0; i < old->count; i++)
        definition_discharge(s->config, &at, old->items[i], &plain);
    if (!plain.count)
        return;
    if (!s->set->at)
        source_note_old_name(&s->config->sources, option->name, option->alias_of);
    if (!option->silent)
        strv_pushf(&s->config->warnings, "The option `%s' has been renamed to `%s'.", option->name,
                   option->alias_of);
    definitions_keep_strongest(option->type, &plain);
    for (size_t i = 0; i < plain.count; i++) {
        plain.items[i].overridden = true;
        definitions_add(&s->of[new - s->set->options], &plain.items[i]);
    }
}

static void add_built_in(json_t *value, json_int_t priority, struct definitions *list)
{
    struct definition d = {.value = value,
                           .priority = priority,
                           .order = ORDER_ORDINARY,
                           .overridden = priority == PRIORITY_DEFAULT,
                           .source = &built_in_source};

    definitions_add(list, &d);
}

/* Collects an option's definitions. Built-in ones come first at the top level, but last in a
 * submodule, which reverses the order of modules. */
static void collect(struct sorting *s, const struct definitions *given, const json_t *built_in,
                    struct definitions *all)
{
    size_t i;

    for (i = 0; s->set->at && i < given->count; i++)
        definitions_add(all, &given->items[i]);
    json_t *value;
    json_array_foreach (built_in, i, value)
        add_built_in(value, PRIORITY_ORDINARY, all);
    for (i = 0; !s->set->at && i < given->count; i++)
        definitions_add(all, &given->items[i]);
}

/* Resolves an option that has a default. Without other definitions the default is the value: it
 * needs no check. */
static struct resolved merge_with_default(struct sorting *s, const struct position *at,
                                          const struct option *option, json_t *fallback,
                                          struct definitions *all)
{
    if (!all->count)
        return (struct resolved){.value = json_incref(fallback),
                                 .missing = !fallback,
                                 .priority = fallback ? PRIORITY_DEFAULT : 0};
    if (fallback)
        add_built_in(fallback, PRIORITY_DEFAULT, all);
    return resolve_definitions(s->config, at, option->type, all);
}

static void resolve_one(struct sorting *s, const struct option *option)
{
    const struct option_set *set = s->set;
    const struct scope scope = {.config = s->config,
                                .values = set->values,
                                .name = set->at && set->at->attribute ? set->at->name : NULL};
    const struct position at = {.within = set->at, .name = option->name, .secret = option->secret};
    struct definitions all CLEANUP_DEFINITIONS = {0};
    json_t *built_in = option->define ? json_array() : NULL;
    json_t *fallback = option_default(option, &scope);

    if (option->define)
        option->define(&scope, built_in);
    collect(s, &s->of[option - set->options], built_in, &all);
    struct resolved merged = merge_with_default(s, &at, option, fallback, &all);
    if (merged.missing && !strv_contains(&s->meant, option->name)) {
        char *path CLEANUP_FREE = position_path(&at);

        config_note(s->config, "%s: %s: is not set, expected %s",
                    s->last ? s->last->name : source_main_name(&s->config->sources), path,
                    option->type->name);
    }
    if (!merged.value)
        merged.value = fallback ? json_incref(fallback) : json_null();
    json_object_set_new_nocheck(set->values, option->name, merged.value);
    if (set->priorities && merged.priority != PRIORITY_DEFAULT)
        json_object_set_new_nocheck(set->priorities, option->name, json_integer(merged.priority));
    if (option->decode)
        option->decode(s->config, merged.value);
    json_decref(built_in);
    json_decref(fallback);
}

/* The last source of some definitions, or NULL if all are built in. */
static const struct source *latest_source(const struct config *config,
                                          const struct definitions *definitions)
{
    const struct definition *latest =
        definitions->count ? definitions_latest(config, definitions) : NULL;

    return latest && !latest->source->built_in ? latest->source : NULL;
}

static void resolve_options(struct config *config, const struct option_set *set,
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

int resolve_config(struct config *config)
{
    struct definitions all CLEANUP_DEFINITIONS = {0};

    config->values = json_object();
    config->priorities = json_object();
    for (size_t i = 0; i < config->sources.count; i++) {
        const struct source *source = &config->sources.items[i];
        struct definition d = definition_plain(source->tree, source);

        definitions_add(&all, &d);
    }
    struct option_set set = {.options = schema_options,
                             .count = schema_option_count,
                             .values = config->values,
                             .priorities = config->priorities};
    resolve_options(config, &set, &all);
    return config->problems.count ? -EINVAL : 0;
}
