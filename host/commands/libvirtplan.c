/* SPDX-License-Identifier: MIT */
#include "host/commands/libvirtplan.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/commands/announce.h"
#include "host/commands/makeplan.h"
#include "host/commands/treestart.h"
#include "host/run/registry.h"
#include "host/system/message.h"
#include "host/system/path.h"
#include "host/system/process.h"

/* Refuses options of a machine that run-vm itself supervises. */
static int check_options(const struct run_options *options, struct error *e)
{
    const struct {
        const char *name;
        bool given;
    } supervising[] = {
        {"dry-run", options->dry_run != DRYRUN_NO},
        {"detach", options->plan.detach && !options->connect},
        {"exec", options->plan.exec.arguments.count > 0},
        {"timeout", options->timeout},
        {"boot-chart", options->plan.boot_chart},
    };

    for (size_t i = 0; i < ELEMENTS(supervising); i++)
        if (supervising[i].given)
            return error_set(e, -EINVAL,
                             "--%s: is for a machine that run-vm starts; expected no such option "
                             "for one that libvirt starts",
                             supervising[i].name);
    return runoptions_check(options, e);
}

/* Returns the machine's name; the caller frees. NULL with the reason: it has none that can be part
 * of a path. */
static char *choose_name(const struct run_options *options, const struct config *config,
                         struct error *e)
{
    bool named = config_is_set(config, "system.name") ||
                 config_is_set(config, "networking.hostName") || !options->plan.root_dir;
    char *tree CLEANUP_FREE = named ? NULL : path_last_name(options->plan.root_dir);
    const char *own = tree ? tree : config_text(config, "system.name");
    const char *name = options->name ? options->name : own;

    if (name && registry_is_name(name))
        return xstrdup(name);
    (void)error_set(e, -EINVAL,
                    "\"%s\": is no name for a domain and its directory, expected --name NAME",
                    name ? name : "");
    return NULL;
}

/* Returns the directory of the machine's files, absolute; the caller frees. NULL with the reason.
 */
static char *choose_directory(const char *given, const char *name, struct error *e)
{
    char *cwd CLEANUP_FREE = getcwd(NULL, 0);
    const char *data = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");

    if (given && cwd)
        return path_absolute(cwd, given);
    if (data && data[0] == '/')
        return xasprintf("%s/run-vm/%s", data, name);
    if (home && home[0] == '/')
        return xasprintf("%s/.local/share/run-vm/%s", home, name);
    (void)error_set(e, -EINVAL, "HOME: is not set, expected it, or a directory for the machine");
    return NULL;
}

int libvirtplan_load(struct libvirtplan *made, struct run_options *options)
{
    struct error e CLEANUP_ERROR = {0};

    if (check_options(options, &e) < 0)
        return message_report(&e, STATUS_USAGE);
    options->plan.tree_start = options->plan.root_dir && !options->config_files.count;
    int status = makeplan_load(&made->config, options);
    if (status)
        return status;
    if (treestart_choose_kernel(&made->config, &options->plan, false, &e) < 0)
        return message_report(&e, STATUS_CONFIGURATION);
    made->name = choose_name(options, &made->config, &e);
    return made->name ? 0 : message_report(&e, STATUS_CONFIGURATION);
}

int libvirtplan_make(struct libvirtplan *made, struct run_options *options, const char *directory)
{
    struct error e CLEANUP_ERROR = {0};
    if (options->connect) {
        (void)error_set(&e, -EINVAL, "--connect: is for a start; expected none here");
        return message_report(&e, STATUS_USAGE);
    }
    int status = libvirtplan_load(made, options);
    if (status)
        return status;
    char *chosen CLEANUP_FREE = choose_directory(directory, made->name, &e);
    if (!chosen)
        return message_report(&e, STATUS_CONFIGURATION);
    options->plan.directory = chosen;
    status = makeplan_build(&made->plan, &made->config, options);
    options->plan.directory = NULL;
    if (status == 0)
        announce_warnings(&made->plan, false);
    return status;
}

void libvirtplan_free(struct libvirtplan *made)
{
    plan_free(&made->plan);
    config_free(&made->config);
    free(made->name);
}
