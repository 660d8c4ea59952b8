/* SPDX-License-Identifier: MIT */
/* run-vm: boots a NixOS system, or any Linux tree, in a QEMU virtual machine. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/text.h"
#include "host/commandline.h"
#include "host/commands/bootloader.h"
#include "host/commands/cachecommand.h"
#include "host/commands/dryrun.h"
#include "host/commands/runner.h"
#include "host/config/config.h"
#include "host/plan/build.h"
#include "host/prepare/prepare.h"
#include "host/run/exec.h"
#include "host/run/keeper.h"
#include "host/run/supervise.h"
#include "host/run/virtiofsd.h"
#include "host/system/atomicfile.h"
#include "host/system/leftovers.h"
#include "host/system/message.h"
#include "host/system/output.h"
#include "host/system/process.h"
#include "host/system/signals.h"

/* The exit status for an error, which is printed. */
static int report(const struct error *e, int status)
{
    log_error("%s", e->message ? e->message : "failed");
    return e->status ? e->status : status;
}

/* The exit status for a configuration with problems, all of which are printed. */
static int report_problems(const struct config *config)
{
    for (size_t i = 0; i < config->problems.count; i++)
        log_error("%s", config->problems.items[i]);
    return STATUS_CONFIGURATION;
}

/* With a directory as the root nobody needs a disk but who names one. */
static bool needs_no_disk(const struct options *options)
{
    const char *image = getenv("NIX_DISK_IMAGE");
    return options->root_dir && !(image && *image);
}

/* Files that cannot be read are a matter of input, not of what they say. */
static int load(struct config *config, const struct options *options)
{
    struct error e CLEANUP_ERROR = {0};
    int status = 0;

    config->diskless = needs_no_disk(options);
    for (size_t i = 0; i < options->config_files.count; i++) {
        int r = config_add_file(config, options->config_files.items[i], &e);

        if (r < 0)
            status = report(&e, r == -EINVAL ? STATUS_CONFIGURATION : STATUS_IO);
    }
    for (size_t i = 0; i < options->settings.count; i++)
        if (config_add_setting(config, options->settings.items[i], &e) < 0)
            status = report(&e, STATUS_CONFIGURATION);
    if (options->exec.count && config_add_setting(config, "virtualisation.graphics=false", &e) < 0)
        status = report(&e, STATUS_CONFIGURATION);
    if (status)
        return status;
    return config_resolve(config) < 0 ? report_problems(config) : 0;
}

static enum input find_input(void)
{
    struct stat input;
    struct stat null;

    if (isatty(STDIN_FILENO))
        return INPUT_TERMINAL;
    if (fstat(STDIN_FILENO, &input) < 0 ||
        (stat("/dev/null", &null) == 0 && S_ISCHR(input.st_mode) && input.st_rdev == null.st_rdev))
        return INPUT_NONE;
    return INPUT_STREAM;
}

static int make_plan(struct plan *plan, struct config *config, const struct options *options)
{
    struct error e CLEANUP_ERROR = {0};
    char random[11] = "XXXXXXXXXX";
    char program[PATH_MAX] = "";
    char *cwd CLEANUP_FREE = getcwd(NULL, 0);
    struct surroundings at = {.environment = environ,
                              .cwd = cwd,
                              .random = random,
                              .program = program,
                              .is_root = geteuid() == 0,
                              .input = find_input()};
    int r;

    if (!cwd) {
        (void)error_errno(&e, errno, "the working directory");
        return report(&e, STATUS_IO);
    }
    if (readlink("/proc/self/exe", program, sizeof program - 1) < 0)
        program[0] = '\0';
    if (options->dry_run == DRY_RUN_NO)
        atomicfile_random_name(random);
    r = plan_build(plan, config, options, &at, &e);
    if (r < 0 && config->problems.count)
        return report_problems(config);
    return r < 0 ? report(&e, STATUS_CONFIGURATION) : 0;
}

static int print_plan(const struct plan *plan, const struct config *config, enum dry_run format)
{
    if (format == DRY_RUN_JSON)
        dryrun_json(plan, config, stdout);
    else
        dryrun_text(plan, stdout);
    return output_finish();
}

static void print_warnings(const struct plan *plan, const struct options *options)
{
    for (size_t i = 0; i < plan->warnings.count; i++)
        log_warning("warning: %s", plan->warnings.items[i]);
    if (plan->accel_reason && options->dry_run == DRY_RUN_NO)
        log_info("accelerator TCG, which is slow: %s", plan->accel_reason);
}

static const struct exec_streams standard_streams = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};

/* Starts all that belongs to the machine and waits for its end: QEMU's status, or a negative errno.
 */
static int run_machine(struct prepared *prepared, struct keeper *keeper, struct plan *plan,
                       const struct options *options, struct error *e)
{
    struct virtiofsd_list servers CLEANUP_VIRTIOFSD = {.ended = -1};
    int r = prepare(prepared, plan, bootloader_install, e);

    if (r < 0)
        return r;
    prepared_tell(prepared, plan);
    keeper_start(keeper, &prepared->temporary);
    if (options->keep_tmp)
        log_info("temporary directory %s", plan->cwd);
    r = virtiofsd_start(&servers, plan, e);
    if (r < 0)
        return r;
    prepared_pass_on(prepared);
    keeper_pass_on(keeper);
    if (plan->exec.count)
        return exec_run(plan, &supervise_default_limits, &servers, &standard_streams, e);
    return supervise(plan, &supervise_default_limits, &servers, NULL, e);
}

static int run(struct plan *plan, const struct options *options)
{
    struct error e CLEANUP_ERROR = {0};
    struct keeper keeper CLEANUP_KEEPER = {.fd = -1}; /* ends after what it keeps */
    struct prepared prepared CLEANUP_PREPARED = {0};
    int r;

    signals_block();
    r = run_machine(&prepared, &keeper, plan, options, &e);
    if (r != 0 && plan->undo)
        prepared_undo(&prepared);
    return r < 0 ? report(&e, STATUS_IO) : r;
}

static int start(const struct options *options)
{
    struct config config CLEANUP_CONFIG = {0};
    struct plan plan CLEANUP_PLAN = {0};
    int status = load(&config, options);

    if (!status)
        status = make_plan(&plan, &config, options);
    if (status)
        return status;
    print_warnings(&plan, options);
    if (options->dry_run != DRY_RUN_NO)
        return print_plan(&plan, &config, options->dry_run);
    return run(&plan, options);
}

int main(int argc, char **argv)
{
    struct options options CLEANUP_OPTIONS = {0};
    struct error e CLEANUP_ERROR = {0};

    output_hold_streams();
    log_set_sink(message_print);
    leftovers_end_out_of_memory();
    signals_report_size_limit();
    if (argc > 1 && streq(argv[1], "cache") && !runner_is_name(argv[0]))
        return cache_command(argc - 1, argv + 1);
    if (options_parse(&options, argc, argv, &e) < 0)
        return report(&e, STATUS_USAGE);
    if (options.help) {
        options_print_help(stdout);
        return output_finish();
    }
    if (options.version) {
        (void)puts("run-vm " RUN_VM_VERSION);
        return output_finish();
    }
    return start(&options);
}
