/* SPDX-License-Identifier: MIT */
#include "host/config/origin.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"

#define ENTRY "<entry "

/* Length and priority of one source's definition of the list whose entry is searched for. */
struct part {
    size_t length;
    json_int_t priority;
};

/* A search through the sources, with the best definition so far. */
struct search {
    size_t rank;       /* of the source being searched, from 1 */
    bool command_line; /* whether it is the command line, which wins over every file */
    const char *rest;  /* the part of the path that the best definition leaves over */
    json_int_t priority;
    size_t best;        /* the rank of its source; 0: none */
    const char *entry;  /* the list entry in the path; NULL: it has none */
    struct part *parts; /* by rank */
};

static void consider(struct search *s, const char *rest, json_int_t priority)
{
    if (s->command_line && priority > PRIORITY_COMMAND_LINE)
        priority = PRIORITY_COMMAND_LINE;
    if (s->best && (rest < s->rest || (rest == s->rest && priority > s->priority)))
        return;
    s->rest = rest;
    s->priority = priority;
    s->best = s->rank;
}

/* Returns the part of a path after its first name, or NULL if that is not `key`. */
static const char *skip_key(const char *path, const char *key)
{
    bool quoted = *path == '"';
    const char *rest = startswith(path + quoted, key);

    if (!rest || (quoted && *rest != '"'))
        return NULL;
    rest += quoted;
    if (*rest && *rest != '.')
        return NULL;
    return rest + (*rest == '.');
}

static void visit(struct search *s, json_t *value, const char *rest, json_int_t priority);

/* Visits the content of a property, which has been checked. */
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

    if (type) {
        visit_property(s, value, type, rest, priority);
        return;
    }
    if (value)
        consider(s, rest, priority);
    if (json_is_array(value) && rest == s->entry) {
        s->parts[s->rank].length += json_array_size(value);
        s->parts[s->rank].priority = priority;
    }
    const char *key;
    json_t *part;
    json_object_foreach (value, key, part) {
        const char *below = skip_key(rest, key);

        if (below)
            visit(s, part, below, priority);
    }
}

/* The number of entries of the merged list whose entry `entry`, inside `option`, is. */
static size_t merged_length(const json_t *values, const char *option, const char *entry)
{
    size_t length = (size_t)(entry - option);
    char *name CLEANUP_FREE = xstrndup(option, length ? length - 1 : 0);

    return json_array_size(json_object_get(values, name));
}

/* The source of an entry. A list begins with the built-in entries; those of the sources follow in
 * the order of the sources. */
static struct origin find_entry(const struct sources *sources, const json_t *values,
                                const char *option, const struct search *s)
{
    size_t number = strtoul(s->entry + strlen(ENTRY), NULL, 10);
    size_t built_in = merged_length(values, option, s->entry);
    json_int_t strongest = PRIORITY_DEFAULT;

    for (size_t i = 1; i <= sources->count; i++)
        if (s->parts[i].length && s->parts[i].priority < strongest)
            strongest = s->parts[i].priority;
    for (size_t i = 1; i <= sources->count; i++)
        if (s->parts[i].priority == strongest)
            built_in -= s->parts[i].length < built_in ? s->parts[i].length : built_in;
    if (number <= built_in)
        return (struct origin){0};
    number -= built_in;
    for (size_t i = 1; i <= sources->count; i++) {
        size_t length = s->parts[i].priority == strongest ? s->parts[i].length : 0;

        if (number <= length)
            return (struct origin){&sources->items[i - 1], i, number};
        number -= length;
    }
    return (struct origin){0};
}

/* Searches all sources for a path, which the result refers to. `parts` has room for all of them,
 * and one more. */
static struct search look(const struct sources *sources, const char *path, struct part *parts)
{
    struct search s = {.entry = strstr(path, ENTRY), .parts = parts};

    for (s.rank = 1; s.rank <= sources->count; s.rank++) {
        const struct source *source = &sources->items[s.rank - 1];

        s.command_line = source->command_line;
        visit(&s, source->tree, path, PRIORITY_ORDINARY);
    }
    return s;
}

/* True if the definition under an option's old name wins over the one under the new name. `below`
 * is what the path has below the option: a definition that leaves over more is of a group. */
static bool is_stronger(const struct search *old, const struct search *new, const char *below)
{
    if (!old->best || strlen(old->rest) > strlen(below))
        return false;
    if (!new->best || strlen(new->rest) > strlen(below))
        return true;
    return old->priority < new->priority ||
           (old->priority == new->priority && old->best > new->best);
}

/* The path of an option as its definition has it, which may be under the option's old name; the
 * caller frees. Entries keep the new name: their numbers are those of the merged list. */
static char *written_path(const struct sources *sources, const char *option)
{
    struct part *parts CLEANUP_FREE = xcalloc(sources->count + 1, sizeof *parts);

    for (size_t i = 0; i < sources->renaming_count && !strstr(option, ENTRY); i++) {
        const struct renaming *renaming = &sources->renamings[i];
        const char *below = startswith(option, renaming->new_name);

        if (!below || (*below && *below != '.'))
            continue;
        char *path CLEANUP_FREE = xasprintf("%s%s", renaming->old_name, below);
        struct search old = look(sources, path, parts);
        struct search new = look(sources, option, parts);

        if (is_stronger(&old, &new, below))
            return TAKE(path);
    }
    return xstrdup(option);
}

static struct origin find_written(const struct sources *sources, const json_t *values,
                                  const char *option)
{
    struct part *parts CLEANUP_FREE = xcalloc(sources->count + 1, sizeof *parts);
    struct search s = look(sources, option, parts);

    if (!s.best || s.rest == option)
        return (struct origin){0};
    if (s.rest == s.entry)
        return find_entry(sources, values, option, &s);
    return (struct origin){&sources->items[s.best - 1], s.best, 0};
}

struct origin origin_find(const struct sources *sources, const json_t *values, const char *option)
{
    char *path CLEANUP_FREE = written_path(sources, option);

    return find_written(sources, values, path);
}

char *origin_name(const struct sources *sources, const json_t *values, const char *option)
{
    if (startswith(option, "--"))
        return xasprintf("command line: %s", option);
    if (!strchr(option, '.') && strchr(option, '_'))
        return xasprintf("environment: %s", option);
    char *path CLEANUP_FREE = written_path(sources, option);
    struct origin origin = find_written(sources, values, path);
    const char *file = origin.source ? origin.source->name : source_main_name(sources);
    const char *entry = strstr(option, ENTRY);
    const char *end = entry ? strchr(entry, '>') : NULL;

    if (!origin.entry || !end)
        return xasprintf("%s: %s", file, path);
    return xasprintf("%s: %.*s" ENTRY "%zu%s", file, (int)(entry - option), option, origin.entry,
                     end);
}
