/* SPDX-License-Identifier: MIT */
#include "host/commands/makeplan.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/text.h"
#include "host/commands/here.h"
#include "host/commands/shortoptions.h"
#include "host/commands/treestart.h"
#include "host/config/resolve.h"
#include "host/plan/build.h"
#include "host/plan/elsewhere.h"
#include "host/plan/execmode.h"
#include "host/system/atomicfile.h"
#include "host/system/message.h"
#include "host/system/process.h"

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

int makeplan_load(struct config *config, struct run_options *options)
{
    struct error e CLEANUP_ERROR = {0};
    int status = 0;
    config->diskless = needs_no_disk(options);
    config->is_root = geteuid() == 0;
    config->elsewhere = options->connect != NULL;
    for (size_t i = 0; i < options->config_files.count; i++) {
        int r = config_add_file(config, options->config_files.items[i], &e);
        if (r < 0)
            status = message_report(&e, r == -EINVAL ? STATUS_CONFIGURATION : STATUS_IO);
    }
    for (size_t i = 0; i + 1 < options->settings.count; i += 2)
        if (shortoptions_add(config, &runoptions_syntax, options->settings.items[i],
                             options->settings.items[i + 1], &e) < 0)
            status = message_report(&e, STATUS_CONFIGURATION);
    if (treestart_configure(config, &options->plan, &e) < 0)
        status = message_report(&e, STATUS_CONFIGURATION);
    if (options->connect && elsewhere_configure(config, &e) < 0)
        status = message_report(&e, STATUS_CONFIGURATION);
    if (options->here && here_configure(config, &options->plan.exec, &e) < 0)
        status = message_report(&e, STATUS_CONFIGURATION);
    if (options->plan.exec.arguments.count && execmode_configure(config, &e) < 0)
        status = message_report(&e, STATUS_CONFIGURATION);
    if (status)
        return status;
    return resolve_config(config) < 0 ? report_problems(config) : 0;
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

/* True if the guest's console will be the terminal. */
static bool is_on_terminal(const struct run_options *options)
{
    return !options->plan.directory && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) &&
           isatty(STDERR_FILENO);
}

int makeplan_build(struct plan *plan, struct config *config, const struct run_options *options)
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
                                    .on_terminal = is_on_terminal(options),
                                    .rows = size.ws_row,
                                    .columns = size.ws_col};
    int r = plan_build(plan, config, &options->plan, &at, &e);
    if (r < 0 && config->problems.count)
        return report_problems(config);
    return r < 0 ? message_report(&e, STATUS_CONFIGURATION) : 0;
}

void makeplan_hold_store_paths(const struct plan *plan)
{
    for (size_t i = 0; i < plan->environment.count; i++)
        if (startswith(plan->environment.items[i], PLAN_STORE_PATHS))
            (void)putenv(xstrdup(plan->environment.items[i]));
}
