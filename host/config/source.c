/* SPDX-License-Identifier: MIT */
#include "host/config/source.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"

void source_add(struct sources *sources, const char *name, json_t *tree, bool command_line)
{
    ARRAY_PUSH(sources->items, sources->count,
               (struct source){.name = xstrdup(name), .tree = tree, .command_line = command_line});
}

void source_note_old_name(struct sources *sources, const char *old_name, const char *new_name)
{
    ARRAY_PUSH(sources->renamings, sources->renaming_count, (struct renaming){old_name, new_name});
}

const char *source_main_name(const struct sources *sources)
{
    return sources->count ? sources->items[0].name : "command line";
}

/* Finds the value at a dotted path. */
static const json_t *find(const json_t *tree, const char *path)
{
    while (tree && *path) {
        size_t length = strcspn(path, ".");

        tree = json_object_getn(tree, path, length);
        path += length + (path[length] == '.');
    }
    return tree;
}

bool source_defines(const struct sources *sources, const char *option)
{
    for (size_t i = 0; i < sources->count; i++)
        if (!sources->items[i].built_in && find(sources->items[i].tree, option))
            return true;
    return false;
}

void source_free(struct sources *sources)
{
    for (size_t i = 0; i < sources->count; i++) {
        free(sources->items[i].name);
        json_decref(sources->items[i].tree);
    }
    free(sources->items);
    free(sources->renamings);
    *sources = (struct sources){0};
}
