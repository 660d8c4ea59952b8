/* SPDX-License-Identifier: MIT */
#include "host/plan/planner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/text.h"
#include "common/store.h"
#include "host/config/bootdrive.h"
#include "host/plan/expand.h"
#include "host/system/path.h"

void planner_environment_problem(struct planner *p, const char *variable, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    char *text CLEANUP_FREE = xvasprintf(format, arguments);
    va_end(arguments);
    strv_pushf(&p->config->problems, "environment: %s: %s", variable, text);
}

bool planner_has_own_init(const struct planner *p)
{
    return p->dialect->own_init && config_bool(p->config, "virtualisation.directBoot.enable");
}

bool planner_boots_foreign(const struct planner *p)
{
    return !config_bool(p->config, "virtualisation.directBoot.enable") &&
           !bootdrive_has_loader(p->config);
}

struct plan_file *planner_add_file(struct planner *p, enum file_kind kind, char *path, char *source)
{
    struct plan *plan = p->plan;
    const struct plan_file file = {.kind = kind, .path = path, .source = source};

    ARRAY_PUSH(plan->files, plan->file_count, file);
    return &plan->files[plan->file_count - 1];
}

/* Of a bridge's 32 slots the first is for its own controller. */
#define SLOTS_ON_BRIDGE 31

struct model_bus planner_bus(const char *bridge, size_t own, size_t number)
{
    if (number < own)
        return (struct model_bus){0};
    size_t slot = number - own;

    return (struct model_bus){.id = xasprintf("%s%zu", bridge, slot / SLOTS_ON_BRIDGE),
                              .bridge = slot % SLOTS_ON_BRIDGE == 0};
}

char *planner_temporary(const struct planner *p, const char *name)
{
    return xasprintf("%s/%s", p->plan->cwd, name);
}

/* NULL after a problem. */
static char *expand(struct planner *p, const char *option, const char *text, bool in_list)
{
    struct expand_variables variables = variables_for_expansion(&p->variables);
    struct error e CLEANUP_ERROR = {0};

    variables.in_list = in_list;
    variables.unset = in_list ? EXPAND_UNSET_IN_PATH : EXPAND_UNSET_ERROR;
    char *word = expand_word(text, &variables, &e);

    if (!word)
        config_text_problem(p->config, option, text, e.message);
    return word;
}

char *planner_expand_item(struct planner *p, const char *option, const char *text)
{
    char *word = expand(p, option, text, true);

    return word ? word : xstrdup("");
}

char *planner_expand_path(struct planner *p, const char *option, const char *text)
{
    bool is_home =
        text[0] == '~' && (text[1] == '/' || !text[1]) && variables_nonempty(&p->variables, "HOME");
    char *given CLEANUP_FREE = is_home ? xasprintf("\"$HOME\"%s", text + 1) : xstrdup(text);
    char *word = expand(p, option, given, false);

    if (word && !*word)
        config_text_problem(p->config, option, text, "is empty, expected a path");
    else if (word && path_tilde_problem(word))
        config_text_problem(p->config, option, text, path_tilde_problem(word));
    return word ? word : xstrdup("");
}

char *planner_store_path(struct planner *p, const char *option, const char *path)
{
    struct error e CLEANUP_ERROR = {0};
    char *found = NULL;

    if (path_in_prefix(&found, p->plan->store_prefix, path, &e) < 0 &&
        !config_has_problem(p->config, "runVm.store") && !config_has_problem(p->config, option))
        config_problem(p->config, option, "%s", e.message);
    return found;
}

char *planner_host_path(struct planner *p, const char *option, const char *path)
{
    if (!*p->plan->store_prefix || !startswith(path, STORE_DIR "/"))
        return xstrdup(path);
    return planner_store_path(p, option, path);
}

char *planner_store_file(struct planner *p, const char *option, const char *name)
{
    const char *directory = config_text(p->config, option);
    char *path CLEANUP_FREE = directory ? xasprintf("%s/%s", directory, name) : NULL;
    char *found = path ? planner_store_path(p, option, path) : NULL;

    planner_need(p, option, found ? found : "", NEED_FILE);
    return found;
}

char *planner_tree_path(const struct planner *p, const char *given, char **root)
{
    char *path CLEANUP_FREE = path_absolute(p->at->cwd, given);
    const char *dir = p->options->root_dir;
    char *const roots[] = {dir ? path_absolute(p->at->cwd, dir) : NULL,
                           xstrdup(p->plan->store_prefix)};
    char *below = NULL;

    *root = NULL;
    for (size_t i = 0; i < ELEMENTS(roots); i++) {
        const char *rest =
            roots[i] && !below && !streq(roots[i], "/") ? path_rest(roots[i], path) : NULL;

        if (rest) {
            below = xasprintf("%s%s", roots[i], rest);
            *root = roots[i];
        } else {
            free(roots[i]);
        }
    }
    if (!*root)
        *root = xstrdup("");
    return below ? below : TAKE(path);
}

char *planner_named_path(const struct planner *p, const char *given)
{
    char *root CLEANUP_FREE = NULL;
    char *path CLEANUP_FREE = planner_tree_path(p, given, &root);
    char *found = NULL;
    int r = path_below(&found, root, path, NULL);

    if (r < 0)
        errno = -r;
    return found;
}

static void add_user_entry(struct planner *p, const char *option, const char *text)
{
    struct expand_variables variables = variables_for_expansion(&p->variables);
    struct error e CLEANUP_ERROR = {0};
    struct strv words CLEANUP_STRV = {0};

    variables.unset = EXPAND_UNSET_IN_PATH;
    if (expand_words(&words, text, &variables, &e) < 0)
        config_text_problem(p->config, option, text, e.message);
    model_add_arguments(&p->plan->machine, &words);
}

void planner_add_entries(struct planner *p, const char *option, const struct qemu_entries *entries,
                         const struct planner_builtin *builtins, size_t count)
{
    for (size_t i = 0; i < entries->count; i++) {
        const struct qemu_entry *entry = &entries->items[i];

        if (!entry->built_in) {
            char *its_option CLEANUP_FREE = xasprintf("%s.<entry %zu>", option, i + 1);

            add_user_entry(p, its_option, entry->text);
        }
        for (size_t j = 0; entry->built_in && j < count; j++)
            if (streq(builtins[j].name, entry->text))
                builtins[j].add(p);
    }
}
