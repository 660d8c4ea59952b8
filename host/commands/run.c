/* SPDX-License-Identifier: MIT */
#include "host/commands/run.h"

#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "host/commands/announce.h"
#include "host/commands/bootloader.h"
#include "host/commands/connectcommand.h"
#include "host/commands/hostport.h"
#include "host/commands/makeplan.h"
#include "host/commands/runoptions.h"
#include "host/commands/treestart.h"
#include "host/commands/warm.h"
#include "host/config/config.h"
#include "host/prepare/prepare.h"
#include "host/prepare/treelock.h"
#include "host/run/background.h"
#include "host/run/bootchart.h"
#include "host/run/consolesize.h"
#include "host/run/consoleview.h"
#include "host/run/deadline.h"
#include "host/run/handover.h"
#include "host/run/keeper.h"
#include "host/run/registry.h"
#include "host/run/supervise.h"
#include "host/run/swtpm.h"
#include "host/run/treeowner.h"
#include "host/run/virtiofsd.h"
#include "host/system/message.h"
#include "host/system/output.h"
#include "host/system/path.h"
#include "host/system/process.h"
#include "host/system/signals.h"
#include "host/system/timeline.h"

/* --- the plan --- */

static int print_plan(const struct plan *plan, const struct config *config, enum dryrun format)
{
    if (format == DRYRUN_JSON)
        dryrun_json(plan, config, stdout);
    else
        dryrun_text(plan, config, stdout);
    return output_finish();
}

/* --- the machine --- */

static const struct session_streams standard_streams = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};

/* Enters the machine in the list of those that run. */
static int register_machine(struct registry *registry, const struct plan *plan,
                            const struct config *config, const struct run_options *options,
                            struct error *e)
{
    bool named = config_is_set(config, "system.name") ||
                 config_is_set(config, "networking.hostName") || !options->plan.root_dir;
    const struct model_item *own = model_find(&plan->machine, MODEL_NAME);
    char *tree CLEANUP_FREE = named ? NULL : path_last_name(plan->image);
    const char *name = tree ? tree : own->text;
    return registry_open(registry, options->name ? options->name : name, options->name, e);
}

/* Starts QEMU and waits for its end, in the way that the user sees it. `console_log` is
 * background's. */
static int supervise_machine(const struct plan *plan, const char *name, const char *console_log,
                             const struct run_options *options, struct helper_list *helpers,
                             struct error *e)
{
    struct supervise_limits limits = supervise_default_limits;
    unsigned int seconds = 0;
    limits.console_log = console_log;
    if (options->timeout)
        (void)deadline_parse(&seconds, options->timeout, NULL);
    limits.deadline = deadline_start(seconds);
    if (plan->exec.arguments.count)
        return warm_run(plan, &limits, helpers, &standard_streams, e);
    announce(plan, name);
    struct consolesize size CLEANUP_CONSOLESIZE = {0};
    consolesize_start_first(&size, plan, name);
    return plan->quiet ? consoleview_run(plan, &limits, helpers, e)
                       : supervise(plan, &limits, helpers, NULL, e);
}

/* Makes the files, starts everything that belongs to the machine and waits for its end. Returns
 * QEMU's exit status, or a negative errno. */
static int run_machine(struct prepared *prepared, struct keeper *keeper, struct registry *registry,
                       struct background *background, struct plan *plan,
                       const struct run_options *options, struct error *e)
{
    makeplan_hold_store_paths(plan);
    int r = handover_open(plan, e);
    timeline_begin("preparation", "");
    if (r == 0)
        r = prepare(prepared, plan, bootloader_install, e);
    timeline_end();
    if (r < 0)
        return r;
    prepare_tell(prepared, plan);
    keeper_start(keeper, &prepared->temporary, &plan->identities);
    if (options->plan.keep_tmp)
        log_info("temporary directory %s", plan->cwd);
    struct helper_list helpers CLEANUP_HELPERS = {.ended = -1};
    timeline_begin("helpers", "");
    r = swtpm_provision(plan, e);
    if (r == 0)
        r = virtiofsd_start(&helpers, plan, e);
    /* virtiofsd needs no locks. swtpm and QEMU are killed with run-vm, but write until then, and a
     * QEMU that has changed its user (-runas) is not killed */
    prepared_pass_on(prepared);
    if (r == 0)
        r = swtpm_start(&helpers, plan, e);
    timeline_end();
    if (r < 0)
        return r;
    r = background_settle(background, plan, registry, e);
    if (r < 0)
        return r;
    handover_pass_on(plan);
    keeper_pass_on(keeper);
    background_publish(background, registry, plan);
    return supervise_machine(plan, registry->name, background->console_log, options, &helpers, e);
}

static int carry_out(struct plan *plan, const struct config *config,
                     const struct run_options *options)
{
    struct error e CLEANUP_ERROR = {0};
    struct registry registry CLEANUP_REGISTRY = {.base = -1, .lock = -1};
    struct keeper keeper CLEANUP_KEEPER = {
        .fd = -1, .shows_guest = plan_shows_guest(plan), .background = options->plan.detach};
    struct prepared prepared CLEANUP_PREPARED = {0}; /* ends before the keeper */
    const char *name = config_text(config, "system.name");
    struct background background CLEANUP_BACKGROUND = {.parent = -1};
    int status = 0;
    int r = options->plan.detach ? background_start(&background, plan, &status, &e) : 0;
    if (r != 0)
        return r < 0 ? message_report(&e, STATUS_IO) : status;
    char *listed CLEANUP_FREE = NULL;
    struct bootchart chart CLEANUP_BOOTCHART = {.file = options->plan.boot_chart,
                                                .name = name ? name : "the machine",
                                                .guest_marks = plan->report_socket};
    signals_block();
    bootchart_open(&chart);
    r = treelock_take(&prepared, plan, &e);
    if (r == 0)
        r = treeowner_choose(plan, &e);
    if (r == 0)
        r = register_machine(&registry, plan, config, options, &e);
    if (registry.name)
        chart.name = listed = xstrdup(registry.name); /* the registry may be closed meanwhile */
    if (r == 0)
        r = run_machine(&prepared, &keeper, &registry, &background, plan, options, &e);
    bootchart_finish(&chart, r < 0 ? e.message : NULL);
    if (r != 0 && plan->undo)
        prepared_undo(&prepared);
    return r < 0 ? message_report(&e, STATUS_IO) : r;
}

/* configuration -> plan -> what is printed, or a machine. */
static int start(struct run_options *options)
{
    struct error e CLEANUP_ERROR = {0};
    struct config config CLEANUP_CONFIG = {0};
    timeline_begin("configuration", "");
    int status = makeplan_load(&config, options);
    timeline_end();
    if (status)
        return status;
    bool dry_run = options->dry_run != DRYRUN_NO;
    if (treestart_choose_kernel(&config, &options->plan, dry_run, &e) < 0)
        return message_report(&e, STATUS_CONFIGURATION);
    if (!dry_run && hostport_choose(&config.forward_ports, &e) < 0)
        return message_report(&e, STATUS_IO);
    struct plan plan CLEANUP_PLAN = {0};
    timeline_begin("plan", "");
    status = makeplan_build(&plan, &config, options);
    timeline_end();
    if (status)
        return status;
    announce_warnings(&plan, !dry_run);
    if (dry_run)
        return print_plan(&plan, &config, options->dry_run);
    return carry_out(&plan, &config, options);
}

int run_command(void *values)
{
    struct run_options *options = values;
    struct error e CLEANUP_ERROR = {0};
    if (options->version) {
        (void)puts("run-vm " RUN_VM_VERSION);
        return output_finish();
    }
    if (runoptions_check(options, &e) < 0)
        return message_report(&e, STATUS_USAGE);
    if (options->connect)
        return connectcommand_run(options);
    options->plan.tree_start = options->plan.root_dir && !options->config_files.count;
    if (options->initcalls)
        strv_push(&options->plan.append, "initcall_debug log_buf_len=4M");
    int status = start(options);
    strv_free(&options->plan.tree_params);
    return status;
}

int run_as_runner(char *const *argv)
{
    struct run_options options = {0};
    struct error e CLEANUP_ERROR = {0};
    int status = runoptions_read_runner(&options, argv, &e) < 0 ? message_report(&e, STATUS_USAGE)
                                                                : start(&options);
    commandline_free(&options, &runoptions_syntax);
    return status;
}
