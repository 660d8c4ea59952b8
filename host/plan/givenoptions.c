/* SPDX-License-Identifier: MIT */
/* Collects the options that the user gives QEMU, from every source, before the first argument of
 * ours is chosen, so that ours do not contradict them. */
#include <string.h>

#include "base/alloc.h"
#include "host/machine/qemuoption.h"
#include "host/plan/planner.h"

/* Options with which run-vm cannot do what it is for. */
static const struct {
    const char *name;
    const char *reason;
    const char *instead;
} refused[] = {
    {"daemonize",
     "would leave run-vm, which then removes the directory of the running guest and can neither "
     "power it down nor tell its exit status",
     "run-vm itself in the background: run-vm ... &, setsid nohup run-vm ... &, or systemd-run "
     "[--user] run-vm ..."},
};

typedef void note_problem(struct planner *p, const char *source, const char *text);

static void note_option(struct planner *p, const char *source, const char *text)
{
    config_problem(p->config, source, "%s", text);
}

static void note_variable(struct planner *p, const char *source, const char *text)
{
    planner_environment_problem(p, source, "%s", text);
}

static void take(struct planner *p, const struct strv *words, const char *source,
                 note_problem *note)
{
    char *name CLEANUP_FREE = note == note_variable ? xasprintf("environment: %s", source)
                                                    : config_origin_name(p->config, source);

    planner_need_words(p, name, words);
    for (size_t i = 0; i < ELEMENTS(refused); i++) {
        if (!qemu_option_find(words, refused[i].name))
            continue;
        char *text CLEANUP_FREE = xasprintf("-%s %s, expected %s", refused[i].name,
                                            refused[i].reason, refused[i].instead);
        note(p, source, text);
    }
    strv_extend(&p->given, words);
}

/* The user's entries; what cannot be expanded is reported when it is used. */
static void take_entries(struct planner *p, const char *option)
{
    struct expand_variables variables = variables_for_expansion(&p->variables);
    struct strv words CLEANUP_STRV = {0};
    json_t *entry;
    size_t i;

    json_array_foreach (config_get(p->config, option), i, entry) {
        struct error e CLEANUP_ERROR = {0};

        if (json_is_string(entry))
            (void)expand_words(&words, json_string_value(entry), &variables, &e);
    }
    take(p, &words, option, note_option);
}

void plan_given(struct planner *p)
{
    struct strv words CLEANUP_STRV = {0};

    take_entries(p, "virtualisation.qemu.networkingOptions");
    take_entries(p, "virtualisation.qemu.options");
    planner_environment_options(p, &words);
    take(p, &words, "QEMU_OPTS", note_variable);
    take(p, &p->options->qemu_arguments, "QEMU's arguments", note_option);
}
