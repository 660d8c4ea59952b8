/* SPDX-License-Identifier: MIT */
#include "host/config/origin.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"

#define ENTRY "<entry "

/* Length and priority of one source's definition of the list that an entry is looked for in. */
struct part {
    size_t length;
    json_int_t priority;
};

/* The best definition so far. */
struct search {
    size_t place;     /* of the source that is looked through, from 1 */
    const char *rest; /* how much of the path the best definition leaves over */
    json_int_t priority;
    size_t best;        /* the place of its source; 0: none */
    bool command_line;  /* the source is: what it says of a single value wins over every file */
    const char *entry;  /* where the path names an entry of a list; NULL: nowhere */
    struct part *parts; /* by place */
};

static void consider(struct search *s, const char *rest, json_int_t priority)
{
    if (s->command_line && priority > PRIORITY_COMMAND_LINE)
        priority = PRIORITY_COMMAND_LINE;
    if (s->best && (rest < s->rest || (rest == s->rest && priority > s->priority)))
        return;
    s->rest = rest;
    s->priority = priority;
    s->best = s->place;
}

/* Returns the part of a path after its first name, `key`; NULL: it begins with another one. */
static const char *skip_key(const char *path, const char *key)
{
    bool quoted = *path == '"';
    size_t length = strlen(key);

    path += quoted;
    if (strncmp(path, key, length) != 0 || (quoted && path[length] != '"'))
        return NULL;
    path += length + quoted;
    if (*path && *path != '.')
        return NULL;
    return path + (*path == '.');
}

static void visit(struct search *s, json_t *value, const char *rest, json_int_t priority);

/* A property is looked into, whether it is valid has been checked. */
static void visit_property(struct search *s, json_t *value, const char *type, const char *rest,
                           json_int_t priority)
{
    const json_t *own = json_object_get(value, "priority");
    json_t *part;
    size_t i;

    json_array_foreach (json_object_get(value, "contents"), i, part)
        visit(s, part, rest, priority);
    if (json_is_false(json_object_get(value, "condition")))
        return;
    if (streq(type, "override") && json_is_integer(own))
        priority = json_integer_value(own);
    visit(s, json_object_get(value, "content"), rest, priority);
}

static void visit(struct search *s, json_t *value, const char *rest, json_int_t priority)
{
    const char *type = json_string_value(json_object_get(value, "_type"));
    const char *key;
    json_t *part;

    if (type) {
        visit_property(s, value, type, rest, priority);
        return;
    }
    if (value)
        consider(s, rest, priority);
    if (json_is_array(value) && rest == s->entry) {
        s->parts[s->place].length += json_array_size(value);
        s->parts[s->place].priority = priority;
    }
    json_object_foreach (value, key, part) {
        const char *behind = skip_key(rest, key);

        if (behind)
            visit(s, part, behind, priority);
    }
}

/* How many entries the merged list has. */
static size_t merged_length(const struct config *config, const char *option, const char *entry)
{
    size_t length = (size_t)(entry - option);
    char *name CLEANUP_FREE = xstrndup(option, length ? length - 1 : 0);

    return json_array_size(json_object_get(config->values, name));
}

/* The source of an entry. Built-in entries come first in a list, those of the sources in their
 * order. */
static struct origin find_entry(const struct config *config, const char *option,
                                const struct search *s)
{
    size_t number = strtoul(s->entry + strlen(ENTRY), NULL, 10);
    size_t built_in = merged_length(config, option, s->entry);
    json_int_t strongest = PRIORITY_DEFAULT;

    for (size_t i = 1; i <= config->source_count; i++)
        if (s->parts[i].length && s->parts[i].priority < strongest)
            strongest = s->parts[i].priority;
    for (size_t i = 1; i <= config->source_count; i++)
        if (s->parts[i].priority == strongest)
            built_in -= s->parts[i].length < built_in ? s->parts[i].length : built_in;
    if (number <= built_in)
        return (struct origin){0};
    number -= built_in;
    for (size_t i = 1; i <= config->source_count; i++) {
        size_t length = s->parts[i].priority == strongest ? s->parts[i].length : 0;

        if (number <= length)
            return (struct origin){config->sources[i - 1], i, number};
        number -= length;
    }
    return (struct origin){0};
}

struct origin origin_find(const struct config *config, const char *option)
{
    struct part *parts CLEANUP_FREE = xcalloc(config->source_count + 1, sizeof *parts);
    struct search s = {.entry = strstr(option, ENTRY), .parts = parts};

    for (s.place = 1; s.place <= config->source_count; s.place++) {
        const struct source *source = config->sources[s.place - 1];

        s.command_line = source->command_line;
        visit(&s, source->tree, option, PRIORITY_ORDINARY);
    }
    if (!s.best || s.rest == option)
        return (struct origin){0};
    if (s.rest == s.entry)
        return find_entry(config, option, &s);
    return (struct origin){config->sources[s.best - 1], s.best, 0};
}

char *origin_name(const struct config *config, const char *option)
{
    if (!strncmp(option, "--", 2))
        return xasprintf("command line: %s", option);
    if (strchr(option, '.') == NULL && strchr(option, '_'))
        return xasprintf("environment: %s", option);
    struct origin origin = origin_find(config, option);
    const char *file = origin.source ? origin.source->name : config_file(config);
    const char *entry = strstr(option, ENTRY);
    const char *end = entry ? strchr(entry, '>') : NULL;

    if (!origin.entry || !end)
        return xasprintf("%s: %s", file, option);
    return xasprintf("%s: %.*s" ENTRY "%zu%s", file, (int)(entry - option), option, origin.entry,
                     end);
}
