/* SPDX-License-Identifier: MIT */
/* Any JSON is a plan or has problems that are said; no comma of a path or name ends up between the
 * options of one of QEMU's lists. */
#include "host/config.h"
#include "host/dryrun.h"
#include "host/options.h"
#include "host/plan.h"
#include "tests/fuzz/arena.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);

static FILE *nowhere;

static const char *const environment[] = {"HOME=/home,me", "SHARED_DIR=/sh,are,d=on", "A=a,b c",
                                          "PATH=/usr/bin:/bin", NULL};

/* The number of options in a list of QEMU's: a comma that is not doubled separates. */
static size_t count_options(const char *list)
{
    size_t count = 1;

    for (; *list; list++) {
        if (list[0] == ',' && list[1] == ',')
            list++;
        else if (*list == ',')
            count++;
    }
    return count;
}

/* -virtfs local,path=,security_model=,mount_tag=[,readonly=on] */
static void check_share(const char *list)
{
    size_t count = count_options(list);

    must(count == 4 || (count == 5 && strstr(list, ",readonly=on")));
}

/* The arguments up to the user's own, which are passed on as they are. */
static void check_arguments(const struct plan *plan)
{
    const struct strv *argv = &plan->argv;

    for (size_t i = 0; i + 1 < argv->count; i++) {
        if (!strcmp(argv->items[i], "-drive"))
            break; /* values of extra options are the user's */
        if (!strcmp(argv->items[i], "-virtfs"))
            check_share(argv->items[i + 1]);
        if (!strcmp(argv->items[i], "-name"))
            must(count_options(argv->items[i + 1]) == 1);
    }
    must(argv->count > 0);
}

/* Extra options and network options of the user may hold anything. */
static bool has_own_options(const struct config *config)
{
    json_t *entry;
    size_t i;

    json_array_foreach (config_get(config, "virtualisation.qemu.networkingOptions"), i, entry)
        if (json_is_string(entry))
            return true;
    return false;
}

static void make_plan(struct config *config)
{
    struct options options CLEANUP_OPTIONS = {.accel = ACCEL_TCG};
    struct plan plan CLEANUP_PLAN = {0};
    struct error e CLEANUP_ERROR = {0};
    struct surroundings at = {.environment = (char *const *)(uintptr_t)environment,
                              .cwd = "/tmp",
                              .random = "0123456789",
                              .program = "/nowhere/run-vm"};
    int r = plan_build(&plan, config, &options, &at, &e);

    must((r < 0) == (config->problems.count > 0 || e.message));
    if (r < 0)
        return;
    if (!has_own_options(config))
        check_arguments(&plan);
    dry_run_json(&plan, config, nowhere);
    dry_run_text(&plan, nowhere);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    nowhere = fuzz_nowhere();
    arena_begin();
    return 0;
}

/* So that a plan can be reached: no system, no QEMU on this machine needed. */
static json_t *base(void)
{
    return json_pack("{s:{s:{s:s}}, s:{s:s}, s:{s:b, s:{s:s}}}", "system", "build", "toplevel",
                     "/nowhere", "runVm", "initrd", "system", "virtualisation", "useBootLoader", 1,
                     "qemu", "package", "/usr");
}

static void resolve(json_t *tree)
{
    struct config config CLEANUP_CONFIG = {0};

    config_add_tree(&config, "fuzz", tree);
    config_add_tree(&config, "base", base());
    if (config_resolve(&config) == 0)
        make_plan(&config);
    else
        must(config.problems.count > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *tree = json_loadb((const char *)data, size, 0, NULL);

    if (json_is_object(tree))
        resolve(tree);
    else
        json_decref(tree);
    arena_end();
    return 0;
}
