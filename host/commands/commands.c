/* SPDX-License-Identifier: MIT */
#include "host/commands/commands.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "host/commands/cachecommand.h"
#include "host/commands/chartcommand.h"
#include "host/commands/consolecommand.h"
#include "host/commands/execcommand.h"
#include "host/commands/libvirtcommand.h"
#include "host/commands/listcommand.h"
#include "host/commands/monitorcommand.h"
#include "host/commands/preparecommand.h"
#include "host/commands/run.h"
#include "host/commands/runner.h"
#include "host/commands/runoptions.h"
#include "host/commands/sshcommand.h"
#include "host/commands/stopcommand.h"
#include "host/system/message.h"
#include "host/system/output.h"
#include "host/system/process.h"

const struct command commands[] = {
    {.name = "run",
     .help = "Boots a NixOS system, or any Linux tree, in a QEMU virtual machine.",
     .syntax = &runoptions_syntax,
     .size = sizeof(struct run_options),
     .run = run_command,
     .notes = "Environment: NIX_DISK_IMAGE, NIX_EFI_VARS, NIX_SWTPM_DIR, NIX_SSL_CERT_FILE,\n"
              "SHARED_DIR, TMPDIR, USE_TMPDIR, QEMU_OPTS, QEMU_NET_OPTS, QEMU_KERNEL_PARAMS,\n"
              "NIXPKGS_QEMU_KERNEL_<name>, QEMU_VDE_SOCKET_<N>.\n"
              "Manual: run-vm(1), run-vm.json(5), run-vm-init(8).\n"},
    {.name = "list",
     .help = "Lists the machines that run: name, pid, age, memory, image, ports.",
     .syntax = &listcommand_syntax,
     .size = sizeof(struct listcommand_options),
     .run = listcommand_run},
    {.name = "stop",
     .help = "Asks a machine's guest to power down, and waits for its end.",
     .syntax = &stopcommand_syntax,
     .size = sizeof(struct stopcommand_options),
     .run = stopcommand_run},
    {.name = "console",
     .help = "Attaches the terminal to the console of a machine in the background.",
     .syntax = &consolecommand_syntax,
     .size = sizeof(struct consolecommand_options),
     .run = consolecommand_run},
    {.name = "monitor",
     .help = "Passes lines to QEMU's monitor (QMP), and prints its answers and events.",
     .syntax = &monitorcommand_syntax,
     .size = sizeof(struct monitorcommand_options),
     .run = monitorcommand_run},
    {.name = "exec",
     .help = "Runs a command, or the user's shell, in a machine that runs.",
     .syntax = &execcommand_syntax,
     .size = sizeof(struct execcommand_options),
     .run = execcommand_run,
     .notes = "NAME can be left out before -- if one machine runs.\n"},
    {.name = "ssh",
     .help = "Runs ssh into a machine that runs, whose system has an sshd.",
     .syntax = &sshcommand_syntax,
     .size = sizeof(struct sshcommand_options),
     .run = sshcommand_run,
     .notes = "After -- come options of ssh, such as -L, and a command.\n"},
    {.name = "cache list",
     .help = "Lists the cache: kind and number, size, and last use of each entry.",
     .syntax = &cachecommand_list_syntax,
     .run = cachecommand_list},
    {.name = "cache prune",
     .help = "Removes cache entries that are not in use; by default, all.",
     .syntax = &cachecommand_prune_syntax,
     .size = sizeof(struct cachecommand_prune_options),
     .run = cachecommand_prune},
    {.name = "chart",
     .help = "Draws the chart of a boot from the data that --boot-chart has written.",
     .syntax = &chartcommand_syntax,
     .size = sizeof(struct chartcommand_options),
     .run = chartcommand_run},
    {.name = "prepare",
     .help = "Makes the files that a machine needs, and starts nothing.",
     .syntax = &runoptions_prepare_syntax,
     .size = sizeof(struct run_options),
     .run = preparecommand_run,
     .notes = "DIR is $XDG_DATA_HOME/run-vm/NAME if it is left out.\n"},
    {.name = "libvirt-xml",
     .help = "Prints the machine as a libvirt domain, for virsh define.",
     .syntax = &runoptions_libvirt_syntax,
     .size = sizeof(struct run_options),
     .run = libvirtcommand_run,
     .notes = "run-vm prepare, with the same options, makes the files that the domain names.\n"},
};
const size_t commands_count = ELEMENTS(commands);

const struct command *commands_find(const char *name)
{
    for (size_t i = 0; i < commands_count; i++)
        if (streq(commands[i].name, name))
            return &commands[i];
    return NULL;
}

/* True if the command's name begins with the words of `topic`. */
static bool is_about(const struct command *command, const char *topic)
{
    const char *more = startswith(command->name, topic);
    return !*topic || (more && (!*more || *more == ' '));
}

/* --- help --- */

static void print_usages(const char *topic, FILE *out)
{
    const char *label = "usage:";
    for (size_t i = 0; i < commands_count; i++) {
        const struct commandline *syntax = commands[i].syntax;
        if (!is_about(&commands[i], topic))
            continue;
        bool is_default = i == 0;
        /* --help is everywhere */
        (void)fprintf(out, "%-6s run-vm %s%s%s%s%s%s%s%s%s\n", label, is_default ? "[" : "",
                      commands[i].name, is_default ? "]" : "",
                      syntax->count > 1 ? " [OPTIONS]" : "", syntax->words ? " " : "",
                      syntax->words ? syntax->words : "", syntax->rest ? " [-- " : "",
                      syntax->rest ? syntax->rest : "", syntax->rest ? "]" : "");
        label = "";
    }
}

/* Prints the whole help on one command, with its name if it is one of several. */
static void print_details(const struct command *command, bool named, FILE *out)
{
    (void)fprintf(out, "\n%s%s%s\n\n", named ? command->name : "", named ? " - " : "",
                  command->help);
    commandline_print_options(command->syntax, out);
}

/* Lists the commands but the default. */
static void print_others(FILE *out)
{
    (void)fputs("\nOther commands, each with a --help of its own:\n", out);
    for (size_t i = 1; i < commands_count; i++)
        (void)fprintf(out, "  %s\n      %s\n", commands[i].name, commands[i].help);
}

int commands_print_help(const char *topic, FILE *out)
{
    bool all = !*topic;
    size_t detailed = all ? 1 : commands_count; /* of all commands, only the default */
    print_usages(topic, out);
    for (size_t i = 0; i < detailed; i++)
        if (is_about(&commands[i], topic))
            print_details(&commands[i], !all && !streq(commands[i].name, topic), out);
    if (all)
        print_others(out);
    for (size_t i = 0; i < detailed; i++)
        if (commands[i].notes && is_about(&commands[i], topic))
            (void)fprintf(out, "\n%s", commands[i].notes);
    return output_finish();
}

/* --- dispatch --- */

struct call {
    const struct command *command;
    const char *topic;      /* of its --help */
    char *const *arguments; /* after the command's name */
};

/* The number of words of `name` if the arguments begin with them, else 0. */
static size_t count_words(const char *name, char *const *arguments)
{
    struct strv words CLEANUP_STRV = {0};
    strv_split(&words, name, ' ');
    for (size_t i = 0; i < words.count; i++)
        if (!arguments[i] || !streq(arguments[i], words.items[i]))
            return 0;
    return words.count;
}

static int unknown_command(char *const *arguments, struct error *e)
{
    struct strv similar CLEANUP_STRV = {0};
    for (size_t i = 0; i < commands_count; i++)
        if (*arguments[0] && is_about(&commands[i], arguments[0]))
            strv_push(&similar, commands[i].name);
    char *list CLEANUP_FREE = strv_join(&similar, ", ");
    if (similar.count > 0)
        return error_set(e, -EINVAL,
                         "%s %s: no such command, expected one of %s; see run-vm %s --help",
                         arguments[0], arguments[1], list, arguments[0]);
    struct stat st;
    if (stat(arguments[0], &st) == 0 && S_ISDIR(st.st_mode))
        return error_set(e, -EINVAL, "%s: no such command; run-vm -r %s boots the directory",
                         arguments[0], arguments[0]);
    return error_set(e, -EINVAL, "%s: no such command; expected one, or an option%s; see --help",
                     arguments[0], commands[0].syntax->word_hint);
}

static bool is_word(const char *argument)
{
    return argument && *argument != '-';
}

/* Finds the command that the first arguments name. The first word of several commands calls the
 * first of these: "cache" is "cache list". */
static int find_call(struct call *call, char *const *arguments, struct error *e)
{
    *call = (struct call){&commands[0], "", arguments};
    if (!is_word(arguments[0]))
        return 0;
    for (size_t i = 0; i < commands_count; i++) {
        size_t words = count_words(commands[i].name, arguments);
        *call = (struct call){&commands[i], commands[i].name, arguments + words};
        if (words > 0)
            return 0;
    }
    for (size_t i = 0; i < commands_count; i++) {
        *call = (struct call){&commands[i], arguments[0], arguments + 1};
        if (*arguments[0] && is_about(&commands[i], arguments[0]) && !is_word(arguments[1]))
            return 0;
    }
    return unknown_command(arguments, e);
}

int commands_run(int argc, char *const *argv)
{
    if (argc > 0 && runner_is_called(argv[0]))
        return run_as_runner(argv);
    struct error e CLEANUP_ERROR = {0};
    struct call call;
    if (find_call(&call, argc > 0 ? argv + 1 : argv, &e) < 0)
        return message_report(&e, STATUS_USAGE);
    const struct command *command = call.command;
    void *options CLEANUP_FREE = xcalloc(1, command->size);
    int r = commandline_parse(options, command->syntax, call.arguments, &e);
    int status = r < 0                          ? message_report(&e, STATUS_USAGE)
                 : r == COMMANDLINE_HELP_WANTED ? commands_print_help(call.topic, stdout)
                                                : command->run(options);
    commandline_free(options, command->syntax);
    return status;
}
