/* SPDX-License-Identifier: MIT */
#include "host/commands/execcommand.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "host/run/registry.h"
#include "host/system/message.h"
#include "host/system/process.h"
#include "host/system/signals.h"

/* Seconds that the guest's agent has to answer, and the most that --wait takes. */
#define DEFAULT_WAIT 10
#define MOST_WAIT    86400

/* Between two looks at a machine that is being prepared, in milliseconds. */
#define PAUSE 100

#define MEMBER(name) offsetof(struct execcommand_options, name)

static const struct commandline_option options_table[] = {
    {"cwd", 0, COMMANDLINE_TEXT, MEMBER(command.directory), "DIR",
     .help = "the command's working directory, a path in the guest (/)"},
    {"user", 0, COMMANDLINE_TEXT, MEMBER(command.user), "NAME[:GROUP]",
     .help = "the guest's user that the command runs as, also UID[:GID] (root)"},
    {"env", 0, COMMANDLINE_TEXTS, MEMBER(command.variables), "NAME[=VALUE]",
     .help = "a variable for the command; NAME alone passes run-vm's; may be repeated"},
    {"wait", 0, COMMANDLINE_TEXT, MEMBER(wait), "SECONDS",
     .help = "how long a guest that is booting may take to answer (10)"},
    {"help", 'h', COMMANDLINE_HELP, 0, NULL, .help = "print this"},
};
const struct commandline execcommand_syntax = {
    .options = options_table,
    .count = ELEMENTS(options_table),
    .words = "[NAME [COMMAND...]]",
    .words_offset = MEMBER(words),
    .words_most = COMMANDLINE_ALL_WORDS,
    .rest = "COMMAND...",
    .rest_offset = MEMBER(command.arguments),
};

static int read_wait(const char *text, int *milliseconds, struct error *e)
{
    uint64_t seconds = DEFAULT_WAIT;
    if (text && !text_number(text, MOST_WAIT, &seconds))
        return error_set(e, -EINVAL, "--wait: is \"%s\", expected seconds, at most %d", text,
                         MOST_WAIT);
    *milliseconds = (int)seconds * 1000;
    return 0;
}

/* Takes the words after the machine's name as the command; "--" may precede it. */
static void take_command(struct execcommand_options *options)
{
    const struct strv *words = &options->words;
    size_t first = words->count > 1 && streq(words->items[1], "--") ? 2 : 1;
    for (size_t i = first; i < words->count; i++)
        strv_push(&options->command.arguments, words->items[i]);
}

/* Finds the machine, and waits until it is known what it has: that is when QEMU is started. */
static int find_machine(struct registry_machine *found, const char *name, int64_t end,
                        struct error *e)
{
    int r = registry_find(found, name, e);
    while (r == 0 && registry_is_starting(found) && clock_milliseconds() < end) {
        registry_free_machine(found);
        (void)poll(NULL, 0, PAUSE);
        r = registry_find(found, name, e);
    }
    return r;
}

int execcommand_find(struct registry_machine *found, struct agentclient_machine *machine,
                     const char *name, const char *wait, struct error *e)
{
    machine->found = found;
    int r = read_wait(wait, &machine->patience, e);
    if (r < 0)
        return error_status(e, r, STATUS_USAGE);
    machine->end = clock_milliseconds() + machine->patience;
    r = find_machine(found, name, machine->end, e);
    if (r < 0)
        return r;
    machine->socket = registry_text(found, "agent");
    return 0;
}

int execcommand_need_agent(const struct agentclient_machine *machine, struct error *e)
{
    if (machine->socket)
        return 0;
    if (registry_is_starting(machine->found))
        (void)error_set(e, -EAGAIN,
                        "%s: it is still being prepared; --wait SECONDS waits longer than %d s",
                        machine->found->name, machine->patience / 1000);
    else
        (void)error_set(e, -ENOENT,
                        "%s: the machine was started without an agent for commands; start it with "
                        "-o runVm.agent=true",
                        machine->found->name);
    return error_status(e, -ENOENT, STATUS_AGENT_FAILED);
}

static int run(struct execcommand_options *options, struct error *e)
{
    static const struct session_streams streams = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
    struct guestcommand command CLEANUP(guestcommand_free) = {0};
    struct registry_machine found CLEANUP_MACHINE = {0};
    struct agentclient_machine machine = {0};
    const char *name = options->words.count ? options->words.items[0] : NULL;
    take_command(options);
    int r = guestcommand_resolve(&command, &options->command, environ, e);
    if (r < 0)
        return error_status(e, r, STATUS_USAGE);
    r = execcommand_find(&found, &machine, name, options->wait, e);
    if (r == 0)
        r = execcommand_need_agent(&machine, e);
    if (r < 0)
        return r;
    signals_block();
    return agentclient_run(&machine, &command, &streams, e);
}

int execcommand_run(void *options)
{
    struct error e CLEANUP_ERROR = {0};
    int r = run(options, &e);
    return r < 0 ? message_report(&e, STATUS_AGENT_FAILED) : r;
}
