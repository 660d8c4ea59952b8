/* SPDX-License-Identifier: MIT */
#include "host/commands/run.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/text.h"
#include "host/commands/announce.h"
#include "host/commands/bootloader.h"
#include "host/commands/here.h"
#include "host/commands/hostport.h"
#include "host/commands/networkoption.h"
#include "host/commands/runner.h"
#include "host/commands/shortoptions.h"
#include "host/commands/treestart.h"
#include "host/commands/warm.h"
#include "host/config/config.h"
#include "host/config/resolve.h"
#include "host/plan/build.h"
#include "host/plan/execmode.h"
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
#include "host/system/atomicfile.h"
#include "host/system/message.h"
#include "host/system/output.h"
#include "host/system/path.h"
#include "host/system/process.h"
#include "host/system/signals.h"
#include "host/system/timeline.h"

/* --- the command line --- */

static const char *const dry_runs[] = {"no", "text", "json", NULL};
static const char *const accelerators[] = {"auto", "kvm", "tcg", NULL};
static const char *const owners[] = {"auto", "keep", "root", NULL};
static const char *const endings[] = {"auto", "poweroff", "quit", NULL};

#define MEMBER(name) offsetof(struct run_options, name)

static const struct commandline_option run_option_table[] = {
    {"config", 'C', COMMANDLINE_TEXTS, MEMBER(config_files), "FILE",
     .help = "the configuration, JSON (run-vm.json(5)); - is standard input; may be repeated"},
    {"option", 'o', COMMANDLINE_NAMED, MEMBER(settings), "OPTION=VALUE",
     .help = "set an option of the configuration, such as virtualisation.graphics=false"},
    {"memory", 'm', COMMANDLINE_NAMED, MEMBER(settings), "SIZE",
     .setting = "virtualisation.memorySize", .help = "the guest's memory, such as 2G"},
    {"cores", 'c', COMMANDLINE_NAMED, MEMBER(settings), "NUMBER", .setting = "virtualisation.cores",
     .divert = shortoptions_divert_cores,
     .help = "the number of the guest's processors; -c FILE is still --config FILE"},
    {"share", 0, COMMANDLINE_NAMED, MEMBER(settings), "SRC[:DST][:ro]",
     .setting = "virtualisation.sharedDirectories", .convert = shortoptions_share,
     .help = "share a directory with the guest, at DST or else at /mnt/NAME; :ro: the guest cannot "
             "write to it; a colon in a path is written \\:"},
    {"port", 0, COMMANDLINE_NAMED, MEMBER(settings), "[ADDRESS:]HOST:GUEST[/udp]",
     .setting = "virtualisation.forwardPorts", .convert = shortoptions_port,
     .help = "make a port of the guest reachable at a port of the host, at 127.0.0.1 or ADDRESS; "
             "HOST 0: run-vm picks a free port and prints it"},
    {"disk", 0, COMMANDLINE_NAMED, MEMBER(settings), "SIZE|FILE",
     .setting = "virtualisation.emptyDiskImages, virtualisation.qemu.drives",
     .convert = shortoptions_disk,
     .help = "one more disk: an empty one, which is lost at the end, or an image"},
    {"display", 0, COMMANDLINE_NAMED, MEMBER(settings), "none|window|vnc",
     .setting = "virtualisation.graphics, runVm.vnc", .convert = shortoptions_display,
     .help = "the guest's display; vnc: on a socket, whose path is printed"},
    {"fresh", 0, COMMANDLINE_NAMED, MEMBER(settings), NULL, .setting = "runVm.diskImageWrites",
     .convert = shortoptions_fresh,
     .help = "discard what the guest writes to its disk; the image stays as it is"},
    {"ro", 0, COMMANDLINE_NAMED, MEMBER(settings), NULL, .setting = "runVm.diskImageWrites",
     .convert = shortoptions_ro,
     .help = "give the guest a read-only drive; what it writes to its root stays in its memory"},
    {"grow", 0, COMMANDLINE_NAMED, MEMBER(settings), "SIZE", .setting = "runVm.growDiskImage",
     .help = "let the disk image, and the filesystem on it, grow to this size"},
    {"efi", 0, COMMANDLINE_NAMED, MEMBER(settings), NULL, .setting = "virtualisation.useEFIBoot",
     .help = "give the guest EFI firmware"},
    {"tpm", 0, COMMANDLINE_NAMED, MEMBER(settings), NULL, .setting = "virtualisation.tpm.enable",
     .help = "give the guest a TPM"},
    {"dry-run", 'n', COMMANDLINE_CHOICE, MEMBER(dry_run), "FORMAT", .choices = dry_runs,
     .optional = "text",
     .help = "print QEMU's command (text) or the whole plan (json), and make nothing"},
    {"accel", 0, COMMANDLINE_CHOICE, MEMBER(plan.accel), "auto|kvm|tcg", .choices = accelerators,
     .help = "the accelerator; auto: KVM where it can be used, else TCG"},
    {"on-term", 0, COMMANDLINE_CHOICE, MEMBER(plan.on_term), "auto|poweroff|quit",
     .choices = endings,
     .help = "what the first SIGTERM does: the guest powers down, or QEMU quits at once; auto: as "
             "runVm.onTerm says"},
    {"timeout", 0, COMMANDLINE_TEXT, MEMBER(timeout), "SECONDS",
     .help = "end the machine, with exit status 124, if it still runs after so long"},
    {"verbose", 'v', COMMANDLINE_FLAG, MEMBER(plan.verbose), NULL,
     .help = "show the kernel's messages, in place of a line with the steps of the boot"},
    {"keep-tmp", 0, COMMANDLINE_FLAG, MEMBER(plan.keep_tmp), NULL,
     .help = "leave the temporary directory behind"},
    {"boot-chart", 0, COMMANDLINE_TEXT, MEMBER(plan.boot_chart), "FILE",
     .help = "draw where the time of the boot goes: FILE.svg with its data, or FILE.json alone"},
    {"boot-chart-initcalls", 0, COMMANDLINE_FLAG, MEMBER(initcalls), NULL,
     .help = "show the kernel's initcalls in the chart, which takes the kernel longer"},
    {"kernel", 'k', COMMANDLINE_TEXT, MEMBER(plan.kernel), "FILE", .help = "boot this kernel"},
    {"modules-dir", 0, COMMANDLINE_TEXT, MEMBER(plan.modules_dir), "DIR",
     .help = "the kernel's modules, lib/modules/VERSION"},
    {"init", 0, COMMANDLINE_TEXT, MEMBER(plan.init), "PATH",
     .help = "what the guest starts as stage 2"},
    {"append", 'a', COMMANDLINE_TEXTS, MEMBER(plan.append), "PARAMETERS",
     .help = "more kernel parameters; may be repeated"},
    {"root-dir", 'r', COMMANDLINE_TEXT, MEMBER(plan.root_dir), "DIR",
     .help =
         "a directory as the guest's root, read-only, with a tmpfs over it for what is written; "
         "no disk image is made unless one is named. Without --config its newest kernel boots"},
    {"root-dir-owner", 0, COMMANDLINE_CHOICE, MEMBER(plan.root_owner), "auto|keep|root",
     .choices = owners,
     .help = "owner of the tree's files in the guest: the one on the host (keep), or root in place "
             "of the user who owns the tree; auto: root if that is you"},
    {"rw", 'w', COMMANDLINE_FLAG, MEMBER(plan.root_writable), NULL,
     .help = "what the guest writes to its root is written to the directory of --root-dir"},
    {"guest-init", 0, COMMANDLINE_TEXT, MEMBER(plan.guest_init), "FILE",
     .help = "the init that goes into the initrd, in place of the one installed with run-vm"},
    {"no-network", 0, COMMANDLINE_NAMED, MEMBER(settings), NULL,
     .setting = "virtualisation.qemu.networkingOptions", .convert = networkoption_none,
     .help = "give the guest no network card"},
    {"cwd", 0, COMMANDLINE_TEXT, MEMBER(plan.exec.directory), "DIR",
     .help = "the working directory of --exec's command, a path in the guest (/)"},
    {"user", 0, COMMANDLINE_TEXT, MEMBER(plan.exec.user), "NAME[:GROUP]",
     .help = "the guest's user that --exec's command runs as, also UID[:GID] (root)"},
    {"env", 0, COMMANDLINE_TEXTS, MEMBER(plan.exec.variables), "NAME[=VALUE]",
     .help = "a variable for --exec's command; NAME alone passes run-vm's; may be repeated"},
    {"here", 0, COMMANDLINE_FLAG, MEMBER(here), NULL, .setting = "virtualisation.sharedDirectories",
     .help = "share this directory at the same path, for reading and writing; --exec's command "
             "starts in it"},
    {"warm", 0, COMMANDLINE_NAMED, MEMBER(settings), NULL, .setting = "runVm.warmStart",
     .help = "start --exec's machine from a snapshot, which the first start makes"},
    {"exec", 0, COMMANDLINE_REST, MEMBER(plan.exec.arguments), "COMMAND [ARGUMENT...]",
     .help = "run this in the guest instead of stage 2; the last option"},
    {"ssh", 0, COMMANDLINE_NAMED, MEMBER(settings), NULL, .setting = "runVm.ssh",
     .help = "let run-vm ssh in by the guest's own sshd, which a guest without run-vm's agent "
             "needs"},
    {"detach", 'd', COMMANDLINE_FLAG, MEMBER(plan.detach), NULL,
     .help = "run the machine in the background, its console in a log; see run-vm console"},
    {"name", 0, COMMANDLINE_TEXT, MEMBER(name), "NAME",
     .help = "what run-vm list and the commands for running machines call this one; by default its "
             "system.name, or the name of the directory that is its root, with a number if another "
             "one has that"},
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
    const struct guestcommand *exec = &options->plan.exec;
    if (!exec->arguments.count && (exec->directory || exec->user || exec->variables.count))
        return error_set(e, -EINVAL,
                         "--cwd, --user and --env are for a command: give it with --exec, last");
    if (options->name && !registry_is_name(options->name))
        return error_set(e, -EINVAL,
                         "--name: is \"%s\", expected at most %d letters, digits, \".\", \"_\" and "
                         "\"-\", of which the first is a letter or digit",
                         options->name, REGISTRY_NAME);
    if (options->plan.root_writable && !options->plan.root_dir)
        return error_set(e, -EINVAL, "--rw: needs --root-dir DIR, the directory to write to");
    if (options->plan.boot_chart && bootchart_check(options->plan.boot_chart, e) < 0)
        return -EINVAL;
    if (options->initcalls && !options->plan.boot_chart)
        return error_set(e, -EINVAL,
                         "--boot-chart-initcalls: there is no chart: give --boot-chart "
                         "FILE as well");
    unsigned int timeout = 0;
    if (options->timeout && deadline_parse(&timeout, options->timeout, e) < 0)
        return -EINVAL;
    if (options->plan.detach && exec->arguments.count)
        return error_set(e, -EINVAL,
                         "--detach: expected no --exec, whose command has the streams of this "
                         "run-vm");
    if (options->config_files.count || options->plan.kernel || options->plan.root_dir ||
        options->settings.count)
        return 0;
    return error_set(e, -EINVAL,
                     "nothing to run: give --root-dir DIR, --config FILE or --kernel FILE; see "
                     "--help");
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
static int load(struct config *config, struct run_options *options)
{
    struct error e CLEANUP_ERROR = {0};
    int status = 0;
    config->diskless = needs_no_disk(options);
    config->is_root = geteuid() == 0;
    for (size_t i = 0; i < options->config_files.count; i++) {
        int r = config_add_file(config, options->config_files.items[i], &e);
        if (r < 0)
            status = message_report(&e, r == -EINVAL ? STATUS_CONFIGURATION : STATUS_IO);
    }
    for (size_t i = 0; i + 1 < options->settings.count; i += 2)
        if (shortoptions_add(config, &run_syntax, options->settings.items[i],
                             options->settings.items[i + 1], &e) < 0)
            status = message_report(&e, STATUS_CONFIGURATION);
    if (treestart_configure(config, &options->plan, &e) < 0)
        status = message_report(&e, STATUS_CONFIGURATION);
    if (options->here && here_configure(config, &options->plan.exec, &e) < 0)
        status = message_report(&e, STATUS_CONFIGURATION);
    if (options->plan.exec.arguments.count && execmode_configure(config, &e) < 0)
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
    struct winsize size = {0};
    (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
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
                                    .is_root = config->is_root,
                                    .input = find_input(),
                                    .on_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) &&
                                                   isatty(STDERR_FILENO),
                                    .rows = size.ws_row,
                                    .columns = size.ws_col};
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
        dryrun_text(plan, config, stdout);
    return output_finish();
}

/* --- the machine --- */

static const struct session_streams standard_streams = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};

/* Has every program that prepares the start keep the store paths from garbage collection, as QEMU
 * does later: making an image of the store can take minutes. */
static void hold_store_paths(const struct plan *plan)
{
    for (size_t i = 0; i < plan->environment.count; i++)
        if (startswith(plan->environment.items[i], PLAN_STORE_PATHS))
            (void)putenv(xstrdup(plan->environment.items[i]));
}

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
    hold_store_paths(plan);
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
    int status = load(&config, options);
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
    status = make_plan(&plan, &config, options);
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
    if (run_check_options(options, &e) < 0)
        return message_report(&e, STATUS_USAGE);
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
    int status = run_read_runner(&options, argv, &e) < 0 ? message_report(&e, STATUS_USAGE)
                                                         : start(&options);
    commandline_free(&options, &run_syntax);
    return status;
}
