/* SPDX-License-Identifier: MIT */
/* Collects the options that the user gives QEMU, from every source, before the first argument of
 * ours is chosen, so that ours do not contradict them. */
#include "base/alloc.h"
#include "host/machine/qemuoption.h"
#include "host/plan/planner.h"

/* Options that run-vm refuses, since it cannot supervise QEMU with them. */
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

/* Notes a problem with the options of one source. */
typedef void note_problem(struct planner *p, const char *source, const char *text);

static void note_option(struct planner *p, const char *source, const char *text)
{
    config_problem(p->config, source, "%s", text);
}

static void note_variable(struct planner *p, const char *source, const char *text)
{
    planner_environment_problem(p, source, "%s", text);
}

/* Appends the options of one source. */
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

/* Takes the user's entries. One that cannot be expanded is reported by the step that adds it to
 * QEMU's arguments. */
static void take_entries(struct planner *p, const char *option, const struct qemu_entries *entries)
{
    struct expand_variables variables = variables_for_expansion(&p->variables);
    struct strv words CLEANUP_STRV = {0};

    for (size_t i = 0; i < entries->count; i++)
        if (!entries->items[i].built_in)
            (void)expand_words(&words, entries->items[i].text, &variables, NULL);
    take(p, &words, option, note_option);
}

void plan_given(struct planner *p)
{
    struct strv words CLEANUP_STRV = {0};

    take_entries(p, "virtualisation.qemu.networkingOptions", &p->config->networking_options);
    take_entries(p, "virtualisation.qemu.options", &p->config->qemu_options);
    planner_environment_options(p, &words);
    take(p, &words, "QEMU_OPTS", note_variable);
    take(p, &p->options->qemu_arguments, "QEMU's arguments", note_option);
}
