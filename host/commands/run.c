/* SPDX-License-Identifier: MIT */
#include "host/commands/run.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "host/commands/bootloader.h"
#include "host/commands/runner.h"
#include "host/config/config.h"
#include "host/config/resolve.h"
#include "host/config/setting.h"
#include "host/plan/build.h"
#include "host/plan/execmode.h"
#include "host/prepare/prepare.h"
#include "host/run/exec.h"
#include "host/run/keeper.h"
#include "host/run/supervise.h"
#include "host/run/virtiofsd.h"
#include "host/system/atomicfile.h"
#include "host/system/message.h"
#include "host/system/output.h"
#include "host/system/process.h"
#include "host/system/signals.h"

/* --- the command line --- */

static const char *const dry_runs[] = {"no", "text", "json", NULL};
static const char *const accelerators[] = {"auto", "kvm", "tcg", NULL};

#define MEMBER(name) offsetof(struct run_options, name)

static const struct commandline_option run_option_table[] = {
    {"config", 'c', COMMANDLINE_TEXTS, MEMBER(config_files), "FILE",
     .help = "the configuration, JSON (run-vm.json(5)); - is standard input; may be repeated"},
    {"option", 'o', COMMANDLINE_TEXTS, MEMBER(settings), "OPTION=VALUE",
     .help = "set an option of the configuration, such as virtualisation.memorySize=2048"},
    {"dry-run", 'n', COMMANDLINE_CHOICE, MEMBER(dry_run), "FORMAT", .choices = dry_runs,
     .optional = "text",
     .help = "print QEMU's command (text) or the whole plan (json), and make nothing"},
    {"accel", 0, COMMANDLINE_CHOICE, MEMBER(plan.accel), "auto|kvm|tcg", .choices = accelerators,
     .help = "the accelerator; auto: KVM where it can be used, else TCG"},
    {"keep-tmp", 0, COMMANDLINE_FLAG, MEMBER(plan.keep_tmp), NULL,
     .help = "leave the temporary directory behind"},
    {"kernel", 'k', COMMANDLINE_TEXT, MEMBER(plan.kernel), "FILE", .help = "boot this kernel"},
    {"modules-dir", 0, COMMANDLINE_TEXT, MEMBER(plan.modules_dir), "DIR",
     .help = "the kernel's modules, lib/modules/VERSION"},
    {"init", 0, COMMANDLINE_TEXT, MEMBER(plan.init), "PATH",
     .help = "what the guest starts as stage 2"},
    {"append", 'a', COMMANDLINE_TEXTS, MEMBER(plan.append), "PARAMETERS",
     .help = "more kernel parameters; may be repeated"},
    {"root-dir", 0, COMMANDLINE_TEXT, MEMBER(plan.root_dir), "DIR",
     .help =
         "a directory as the guest's root, read-only, with a tmpfs over it for what is written; "
         "no disk image is made unless one is named"},
    {"guest-init", 0, COMMANDLINE_TEXT, MEMBER(plan.guest_init), "FILE",
     .help = "the init that goes into the initrd, in place of the one installed with run-vm"},
    {"exec", 0, COMMANDLINE_REST, MEMBER(plan.exec), "COMMAND [ARGUMENT...]",
     .help = "run this in the guest instead of stage 2; the last option"},
    {"help", 'h', COMMANDLINE_HELP, 0, NULL, .help = "print this"},
    {"version", 'V', COMMANDLINE_FLAG, MEMBER(version), NULL, .help = "print the version"},
};
const struct commandline run_syntax = {
    .options = run_option_table,
    .count = ELEMENTS(run_option_table),
    .rest = "QEMU-ARGUMENTS",
    .rest_offset = MEMBER(plan.qemu_arguments),
    .option_hint = " (QEMU's come after --)",
    .word_hint = " (a configuration comes after --config, QEMU's arguments after --)",
};

int run_check_options(const struct run_options *options, struct error *e)
{
    if (options->config_files.count || options->plan.kernel || options->settings.count)
        return 0;
    return error_set(e, -EINVAL,
                     "nothing to run: give --config FILE, or --kernel FILE; see --help");
}

int run_read_runner(struct run_options *options, char *const *argv, struct error *e)
{
    char *config = runner_find_config(argv[0], e);
    if (!config)
        return -ENOENT;
    options->plan.runner = true;
    strv_take(&options->config_files, config);
    for (size_t i = 1; argv[i]; i++)
        strv_push(&options->plan.qemu_arguments, argv[i]);
    return 0;
}

/* --- configuration --- */

/* Logs every problem of a configuration. Returns the exit status. */
static int report_problems(const struct config *config)
{
    for (size_t i = 0; i < config->problems.count; i++)
        log_error("%s", config->problems.items[i]);
    return STATUS_CONFIGURATION;
}

/* True if the root is a directory and no disk image is named. */
static bool needs_no_disk(const struct run_options *options)
{
    const char *image = getenv("NIX_DISK_IMAGE");
    return options->plan.root_dir && !(image && *image);
}

/* Reads all files and settings and resolves them. An unreadable file exits with 74 (EX_IOERR), an
 * invalid one with 65 (EX_DATAERR). Returns 0, or the exit status of the last error. */
static int load(struct config *config, const struct run_options *options)
{
    struct error e CLEANUP_ERROR = {0};
    int status = 0;
    config->diskless = needs_no_disk(options);
    for (size_t i = 0; i < options->config_files.count; i++) {
        int r = config_add_file(config, options->config_files.items[i], &e);
        if (r < 0)
            status = message_report(&e, r == -EINVAL ? STATUS_CONFIGURATION : STATUS_IO);
    }
    for (size_t i = 0; i < options->settings.count; i++)
        if (setting_add(config, options->settings.items[i], &e) < 0)
            status = message_report(&e, STATUS_CONFIGURATION);
    if (options->plan.exec.count && execmode_configure(config, &e) < 0)
        status = message_report(&e, STATUS_CONFIGURATION);
    if (status)
        return status;
    return resolve_config(config) < 0 ? report_problems(config) : 0;
}

/* --- plan --- */

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

static int make_plan(struct plan *plan, struct config *config, const struct run_options *options)
{
    struct error e CLEANUP_ERROR = {0};
    char *cwd CLEANUP_FREE = getcwd(NULL, 0);
    if (!cwd) {
        (void)error_errno(&e, errno, "the working directory");
        return message_report(&e, STATUS_IO);
    }
    char random[11] = "XXXXXXXXXX";
    if (options->dry_run == DRYRUN_NO)
        atomicfile_random_name(random);
    char program[PATH_MAX] = "";
    if (readlink("/proc/self/exe", program, sizeof program - 1) < 0)
        program[0] = '\0';
    const struct surroundings at = {.environment = environ,
                                    .cwd = cwd,
                                    .random = random,
                                    .program = program,
                                    .is_root = geteuid() == 0,
                                    .input = find_input()};
    int r = plan_build(plan, config, &options->plan, &at, &e);
    if (r < 0 && config->problems.count)
        return report_problems(config);
    return r < 0 ? message_report(&e, STATUS_CONFIGURATION) : 0;
}

static int print_plan(const struct plan *plan, const struct config *config, enum dryrun format)
{
    if (format == DRYRUN_JSON)
        dryrun_json(plan, config, stdout);
    else
        dryrun_text(plan, stdout);
    return output_finish();
}

static void print_warnings(const struct plan *plan, const struct run_options *options)
{
    for (size_t i = 0; i < plan->warnings.count; i++)
        log_warning("warning: %s", plan->warnings.items[i]);
    if (plan->accel_reason && options->dry_run == DRYRUN_NO)
        log_info("accelerator TCG, which is slow: %s", plan->accel_reason);
}

/* --- the machine --- */

static const struct exec_streams standard_streams = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};

/* Makes the files, starts everything that belongs to the machine and waits for its end. Returns
 * QEMU's exit status, or a negative errno. */
static int run_machine(struct prepared *prepared, struct keeper *keeper, struct plan *plan,
                       const struct run_options *options, struct error *e)
{
    int r = prepare(prepared, plan, bootloader_install, e);
    if (r < 0)
        return r;
    prepared_tell(prepared, plan);
    keeper_start(keeper, &prepared->temporary);
    if (options->plan.keep_tmp)
        log_info("temporary directory %s", plan->cwd);
    struct virtiofsd_list servers CLEANUP_VIRTIOFSD = {.ended = -1};
    r = virtiofsd_start(&servers, plan, e);
    if (r < 0)
        return r;
    prepared_pass_on(prepared);
    keeper_pass_on(keeper);
    if (plan->exec.count)
        return exec_run(plan, &supervise_default_limits, &servers, &standard_streams, e);
    return supervise(plan, &supervise_default_limits, &servers, NULL, e);
}

static int carry_out(struct plan *plan, const struct run_options *options)
{
    struct error e CLEANUP_ERROR = {0};
    struct keeper keeper CLEANUP_KEEPER = {.fd = -1}; /* ends after what it keeps */
    struct prepared prepared CLEANUP_PREPARED = {0};
    signals_block();
    int r = run_machine(&prepared, &keeper, plan, options, &e);
    if (r != 0 && plan->undo)
        prepared_undo(&prepared);
    return r < 0 ? message_report(&e, STATUS_IO) : r;
}

/* configuration -> plan -> what is printed, or a machine. */
static int start(const struct run_options *options)
{
    struct config config CLEANUP_CONFIG = {0};
    int status = load(&config, options);
    if (status)
        return status;
    struct plan plan CLEANUP_PLAN = {0};
    status = make_plan(&plan, &config, options);
    if (status)
        return status;
    print_warnings(&plan, options);
    if (options->dry_run != DRYRUN_NO)
        return print_plan(&plan, &config, options->dry_run);
    return carry_out(&plan, options);
}

int run_command(void *values)
{
    const struct run_options *options = values;
    struct error e CLEANUP_ERROR = {0};
    if (options->version) {
        (void)puts("run-vm " RUN_VM_VERSION);
        return output_finish();
    }
    if (run_check_options(options, &e) < 0)
        return message_report(&e, STATUS_USAGE);
    return start(options);
}

int run_as_runner(char *const *argv)
{
    struct run_options options = {0};
    struct error e CLEANUP_ERROR = {0};
    int status = run_read_runner(&options, argv, &e) < 0 ? message_report(&e, STATUS_USAGE)
                                                         : start(&options);
    commandline_free(&options, &run_syntax);
    return status;
}
