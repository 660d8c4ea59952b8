/* SPDX-License-Identifier: MIT */
#include "tests/unit/planned.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/config/resolve.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

static void make_directories(const char *scratch)
{
    static const char *const names[] = {
        "system",
        "system/kernel-modules",
        "system/kernel-modules/lib",
        "system/kernel-modules/lib/modules",
        "system/kernel-modules/lib/modules/6.1.0",
        "qemu",
        "qemu/bin",
        "build",
    };

    for (size_t i = 0; i < ELEMENTS(names); i++) {
        char *path CLEANUP_FREE = scratch_path(scratch, names[i]);

        assert_int_equal(mkdir(path, 0755), 0);
    }
}

static void make_programs(const char *scratch)
{
    static const char *const names[] = {"qemu/bin/qemu-kvm", "qemu/bin/qemu-img",
                                        "qemu/bin/qemu-system-aarch64", "build/init"};

    for (size_t i = 0; i < ELEMENTS(names); i++) {
        char *path CLEANUP_FREE = scratch_path(scratch, names[i]);

        scratch_write(scratch, names[i], "");
        assert_int_equal(chmod(path, 0755), 0);
    }
}

void planned_init(struct planned *planned)
{
    *planned = (struct planned){.scratch = scratch_new()};
    make_directories(planned->scratch);
    make_programs(planned->scratch);
    scratch_write(planned->scratch, "system/kernel", "");
    scratch_write(planned->scratch, "system/initrd", "");
    scratch_write(planned->scratch, "system/kernel-params", "loglevel=4\n");
}

/* The text with the directory in place of each @; the caller frees. */
static char *fill_in(const char *text, const char *directory)
{
    struct strv parts CLEANUP_STRV = {0};

    strv_split(&parts, text, '@');
    return strv_join(&parts, directory);
}

static void add_text(struct planned *planned, const char *name, const char *json)
{
    struct error e CLEANUP_ERROR = {0};
    char *text CLEANUP_FREE = fill_in(json, planned->scratch);
    char *path CLEANUP_FREE = scratch_path(planned->scratch, name);

    scratch_write(planned->scratch, name, text);
    if (config_add_file(&planned->config, path, &e) < 0)
        fail_msg("%s", e.message);
}

void planned_configure(struct planned *planned, const char *json, bool bare)
{
    static const char system[] =
        "{\"system\": {\"build\": {\"toplevel\": \"@/system\", \"regInfo\": \"@/closure\"}},"
        " \"virtualisation\": {\"qemu\": {\"package\": \"@/qemu\"}},"
        " \"nixpkgs\": {\"hostPlatform\": {\"_type\": \"override\", \"priority\": 1000,"
        " \"content\": \"x86_64-linux\"}}}";

    add_text(planned, "config.json", json);
    if (!bare)
        add_text(planned, "system.json", system);
    planned->result = resolve_config(&planned->config);
}

void planned_make(struct planned *planned, const char *json, const char *const *environment)
{
    char *program CLEANUP_FREE = scratch_path(planned->scratch, "build/run-vm");
    struct surroundings at = {.environment = (char *const *)(uintptr_t)environment,
                              .cwd = planned->scratch,
                              .random = "0123456789",
                              .program = program,
                              .input = planned->input};

    planned_configure(planned, json, false);
    if (planned->result < 0)
        return;
    planned->result =
        plan_build(&planned->plan, &planned->config, &planned->options, &at, &planned->e);
}

void planned_new(struct planned *planned, const char *json, const char *const *environment)
{
    planned_init(planned);
    planned_make(planned, json, environment);
}

static bool has_texts(const char *problem, const char *first, va_list more)
{
    va_list texts;
    bool all = true;

    va_copy(texts, more);
    for (const char *text = first; text && all; text = va_arg(texts, const char *))
        all = strstr(problem, text) != NULL;
    va_end(texts);
    return all;
}

void planned_expect_problem(const struct planned *planned, const char *text, ...)
{
    const struct strv *problems = &planned->config.problems;
    char *all CLEANUP_FREE = strv_join(problems, "\n");
    bool found = false;
    va_list more;

    va_start(more, text);
    for (size_t i = 0; i < problems->count && !found; i++)
        found = has_texts(problems->items[i], text, more);
    va_end(more);
    if (!found)
        fail_msg("no problem says \"%s\" and the rest; there are:\n%s", text, all);
}

void planned_expect_success(const struct planned *planned)
{
    char *all CLEANUP_FREE = strv_join(&planned->config.problems, "\n");

    if (planned->result < 0)
        fail_msg("%s%s", all, planned->e.message ? planned->e.message : "");
}

const char *planned_argument(const struct planned *planned, const char *option, size_t n)
{
    const struct strv *argv = &planned->plan.argv;

    for (size_t i = 0; i + 1 < argv->count; i++)
        if (streq(argv->items[i], option) && n-- == 0)
            return argv->items[i + 1];
    return NULL;
}

size_t planned_count(const struct planned *planned, const char *option)
{
    size_t found = 0;

    for (size_t i = 0; i < planned->plan.argv.count; i++)
        found += streq(planned->plan.argv.items[i], option);
    return found;
}

size_t planned_warnings_with(const struct planned *planned, const char *text)
{
    size_t found = 0;

    for (size_t i = 0; i < planned->plan.warnings.count; i++)
        found += strstr(planned->plan.warnings.items[i], text) != NULL;
    return found;
}

void planned_make_with(struct planned *planned, int place, const char *words, const char *more)
{
    char *variable CLEANUP_FREE = xasprintf("QEMU_OPTS=%s", place == 1 ? words : "");
    const char *const environment[] = {variable, NULL};
    struct strv parts CLEANUP_STRV = {0};
    char *json CLEANUP_FREE =
        xasprintf("{\"virtualisation\": {%s\"qemu\": {\"options\": [\"%s\"]}}}", more,
                  place == 0 ? words : "");

    planned_init(planned);
    strv_split(&parts, words, ' ');
    if (place == 2)
        strv_extend(&planned->options.qemu_arguments, &parts);
    planned_make(planned, json, environment);
}

void planned_read_params(const struct planned *p, struct guest_params *params)
{
    struct cmdline line CLEANUP_CMDLINE = {0};
    struct error e CLEANUP_ERROR = {0};

    guest_params_init(params);
    cmdline_parse(&line, planned_argument(p, "-append", 0));
    for (size_t i = 0; i < p->plan.initrd.words.count; i++)
        cmdline_add(&line, p->plan.initrd.words.words[i].name, p->plan.initrd.words.words[i].value);
    if (guest_params_parse(params, &line, &e) < 0)
        fail_msg("%s", e.message);
}

const struct plan_file *planned_find_file(const struct planned *p, enum file_kind kind)
{
    for (size_t i = 0; i < p->plan.file_count; i++)
        if (p->plan.files[i].kind == kind)
            return &p->plan.files[i];
    return NULL;
}

void planned_free(struct planned *planned)
{
    config_free(&planned->config);
    plan_options_free(&planned->options);
    plan_free(&planned->plan);
    error_free(&planned->e);
    scratch_free(&planned->scratch);
}
