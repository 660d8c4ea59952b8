/* SPDX-License-Identifier: MIT */
#include "host/config/fsoverlay.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/strv.h"
#include "base/text.h"
#include "host/config/config.h"
#include "host/config/value.h"

#define LOWER "overlay.lowerdir"
#define UPPER "overlay.upperdir"
#define WORK  "overlay.workdir"
#define TYPE  "overlay"

/* True if the filesystem with these values is an overlay. */
static bool is_overlay(const json_t *values)
{
    return json_is_array(json_object_get(values, LOWER));
}

void fsoverlay_define_type(const struct scope *scope, json_t *definitions)
{
    if (is_overlay(scope->values))
        json_array_append_new(definitions, json_string(TYPE));
}

void fsoverlay_define_device(const struct scope *scope, json_t *definitions)
{
    if (is_overlay(scope->values))
        json_array_append_new(definitions, json_pack("{s:s,s:i,s:s}", "_type", "override",
                                                     "priority", 1000, "content", TYPE));
}

/* Escapes the bytes that separate layers or mount options; the caller frees. */
static char *escape_layer(const char *path)
{
    char *text CLEANUP_FREE = text_escape(path, "\\", TEXT_BACKSLASH);

    return text_escape(text, ":,\\", TEXT_OCTAL);
}

/* Appends NAME=PATH for the layers of one kind. */
static void add_option(json_t *options, const char *name, const struct strv *paths)
{
    struct strv layers CLEANUP_STRV = {0};

    for (size_t i = 0; i < paths->count; i++)
        strv_take(&layers, escape_layer(paths->items[i]));
    char *text CLEANUP_FREE = strv_join(&layers, ":");
    json_array_append_new(options, json_sprintf("%s=%s", name, text));
}

void fsoverlay_define_options(const struct scope *scope, json_t *definitions)
{
    static const struct {
        const char *option;
        const char *name;
    } single[] = {{UPPER, "upperdir"}, {WORK, "workdir"}};
    struct strv lower CLEANUP_STRV = {0};

    if (!is_overlay(scope->values))
        return;
    json_t *options = json_array();
    value_texts(&lower, json_object_get(scope->values, LOWER));
    add_option(options, "lowerdir", &lower);
    for (size_t i = 0; i < ELEMENTS(single); i++) {
        const char *path = value_text(scope->values, single[i].option);
        struct strv layer CLEANUP_STRV = {0};

        if (!path)
            continue;
        strv_push(&layer, path);
        add_option(options, single[i].name, &layer);
    }
    json_array_append_new(definitions, options);
}

void fsoverlay_define_depends(const struct scope *scope, json_t *definitions)
{
    if (!is_overlay(scope->values))
        return;
    json_t *paths = json_deep_copy(json_object_get(scope->values, LOWER));
    const char *upper = value_text(scope->values, UPPER);
    const char *work = value_text(scope->values, WORK);

    if (upper)
        json_array_append_new(paths, json_string(upper));
    if (upper && work)
        json_array_append_new(paths, json_string(work));
    json_array_append_new(definitions, paths);
}

void fsoverlay_check(struct config *config, const char *option, const json_t *entry)
{
    const char *upper = value_text(entry, UPPER);
    const char *work = value_text(entry, WORK);
    size_t lower = json_array_size(json_object_get(entry, LOWER));
    char *group CLEANUP_FREE = xasprintf("%s.overlay", option);

    if (!upper != !work)
        config_problem(config, group, "has %s, expected upperdir and workdir, or neither",
                       upper ? "an upperdir without a workdir" : "a workdir without an upperdir");
    else if (!is_overlay(entry) && upper)
        config_problem(config, group, "has no lowerdir, expected the paths of the lower layers");
    else if (is_overlay(entry) && !upper && lower < 2)
        config_problem(config, group,
                       "has %s and no upperdir, expected two or more lower layers, which are "
                       "mounted read-only, or an upperdir and a workdir",
                       lower ? "one lower layer" : "an empty lowerdir");
    else if (is_overlay(entry) && !lower)
        config_problem(config, group, "has an empty lowerdir, expected paths of lower layers");
}
