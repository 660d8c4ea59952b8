/* SPDX-License-Identifier: MIT */
#include "host/commands/sshcommand.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

#include <jansson.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "host/commands/execcommand.h"
#include "host/commands/sshport.h"
#include "host/config/portforward.h"
#include "host/run/foreground.h"
#include "host/run/sshkey.h"
#include "host/system/message.h"
#include "host/system/process.h"
#include "host/system/shell.h"
#include "host/system/signals.h"

/* The exit status of ssh itself after a failure of its own. */
#define STATUS_SSH_FAILED 255

/* The exit status of the script below if the guest has no sshd. */
#define STATUS_NO_SSHD 3

/* Prepares the guest for an sshd that serves one connection on its standard streams: the user's
 * key, for any of the guest's users, and a host key of this boot. */
#define SERVER   "/run/run-vm/sshd"
#define KEYS     "/run/run-vm/authorized_keys"
#define HOST_KEY "/run/run-vm/host_key"
static const char prepare_script[] =
    "sshd=$(command -v sshd) || exit 3; umask 022; mkdir -p /run/run-vm /run/sshd || exit\n"
    "[ -e " HOST_KEY " ] || { ssh-keygen -q -t ed25519 -N '' -f " HOST_KEY ".$$ &&"
    " mv " HOST_KEY ".$$ " HOST_KEY "; } || exit\n"
    "printf '%s\\n' \"$1\" >" KEYS ".$$ && mv " KEYS ".$$ " KEYS " || exit\n"
    "printf \"exec $sshd -i -h " HOST_KEY
    " -o PermitRootLogin=prohibit-password -o PubkeyAuthentication=yes"
    " -o 'AuthorizedKeysFile=" KEYS " .ssh/authorized_keys'\\n\" >" SERVER ".$$ &&"
    " mv " SERVER ".$$ " SERVER "\n";

#define MEMBER(name) offsetof(struct sshcommand_options, name)

static const struct commandline_option options_table[] = {
    {"user", 0, COMMANDLINE_TEXT, MEMBER(user), "NAME",
     .help = "the guest's user to log in as (root)"},
    {"wait", 0, COMMANDLINE_TEXT, MEMBER(wait), "SECONDS",
     .help = "how long a guest that is booting may take to answer (10)"},
    {"help", 'h', COMMANDLINE_HELP, 0, NULL, .help = "print this"},
};
const struct commandline sshcommand_syntax = {
    .options = options_table,
    .count = ELEMENTS(options_table),
    .words = "[NAME [COMMAND...]]",
    .words_offset = MEMBER(words),
    .words_most = COMMANDLINE_ALL_WORDS,
};

static int prepare_guest(const struct agentclient_machine *machine, const char *key,
                         struct error *e)
{
    struct guestcommand command CLEANUP(guestcommand_free) = {0};
    char *path CLEANUP_FREE = xasprintf("%s.pub", key);
    char *public CLEANUP_FREE = file_read(path, FILE_LIMIT, NULL, e);
    int null CLEANUP_CLOSE = open("/dev/null", O_RDWR | O_CLOEXEC);
    const struct session_streams streams = {null, null, STDERR_FILENO};
    if (!public)
        return -EIO;
    const char *const words[] = {"sh", "-c", prepare_script, "sh", public};
    for (size_t i = 0; i < ELEMENTS(words); i++)
        strv_push(&command.arguments, words[i]);
    int r = agentclient_run(machine, &command, &streams, e);
    if (r == STATUS_NO_SSHD)
        return error_set(e, -ENOENT,
                         "%s: the guest has no sshd: install openssh-server there, or use run-vm "
                         "exec",
                         machine->found->name);
    return r <= 0 ? r
                  : error_set(e, -EIO, "%s: sshd cannot be prepared in the guest (status %d)",
                              machine->found->name, r);
}

/* The command by which ssh reaches the guest's sshd, quoted for ssh and its shell; the caller
 * frees. */
static char *make_proxy(const struct agentclient_machine *machine)
{
    char program[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length > 0 ? length : 0] = '\0';
    char *quoted CLEANUP_FREE = shell_quote(length > 0 ? program : "run-vm");
    char *escaped CLEANUP_FREE = text_escape(quoted, "%", TEXT_DOUBLED);
    return xasprintf("ProxyCommand=%s exec --wait %d %s -- sh " SERVER, escaped,
                     machine->patience / 1000, machine->found->name);
}

/* Options for ssh, whatever its configuration says. The guest gets nothing of the user's unless -A
 * or -X is given. */
static const char *const settings[] = {
    "GlobalKnownHostsFile=/dev/null",
    "LogLevel=ERROR",
    "ControlPath=none",
    "ForwardAgent=no",
    "ForwardX11=no",
};

/* Options for ssh by the agent. The connection is a socket of run-vm's: a host key, which a guest
 * has anew at each start, would prove nothing more. */
static const char *const agent_settings[] = {
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "IdentitiesOnly=yes",
};

static void push_settings(struct strv *argv, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        strv_pushf(argv, "-o%s", list[i]);
}

static void push_agent(struct strv *argv, const struct agentclient_machine *machine)
{
    push_settings(argv, agent_settings, ELEMENTS(agent_settings));
    strv_push(argv, "-o");
    strv_take(argv, make_proxy(machine));
}

/* `port`: NULL: by the agent. */
static void make_arguments(struct strv *argv, const struct sshcommand_options *options,
                           const struct agentclient_machine *machine, const json_t *port,
                           const char *key)
{
    const struct strv *words = &options->words;
    char *identity CLEANUP_FREE = sshport_quote(key);
    strv_push(argv, "ssh");
    strv_pushf(argv, "-oIdentityFile=%s", identity);
    push_settings(argv, settings, ELEMENTS(settings));
    if (port)
        sshport_push(argv, machine->found, port);
    else
        push_agent(argv, machine);
    strv_pushf(argv, "%s@%s", options->user ? options->user : "root", machine->found->name);
    size_t first = words->count > 1 && streq(words->items[1], "--") ? 2 : 1;
    for (size_t i = first; i < words->count; i++)
        strv_push(argv, words->items[i]);
}

static int become_ssh(const struct strv *argv, struct error *e)
{
    sigset_t mask;
    char *program CLEANUP_FREE = process_find(argv->items[0], e);
    if (!program)
        return -ENOENT;
    signals_original_mask(&mask);
    (void)sigprocmask(SIG_SETMASK, &mask, NULL);
    signals_restore_in_child();
    (void)execv(program, argv->items);
    return error_errno(e, errno, "%s", program);
}

/* With --wait 0 ssh tries at once, and says itself what is wrong. */
static int wait_for_sshd(const struct agentclient_machine *machine, const json_t *port,
                         struct error *e)
{
    return machine->patience > 0 ? sshport_wait(machine, port, e) : 0;
}

static int need_agent(const struct agentclient_machine *machine, struct error *e)
{
    int r = execcommand_need_agent(machine, e);
    if (r < 0 && !registry_is_starting(machine->found))
        (void)error_set(e, r,
                        "%s: there is no way in for ssh: start the machine with --ssh "
                        "(runVm.ssh), with -o runVm.agent=true, or with a port of the host that "
                        "leads to its port %d",
                        machine->found->name, PORT_FORWARD_SSH);
    return error_status(e, r, STATUS_SSH_FAILED);
}

static int run(struct sshcommand_options *options, struct error *e)
{
    struct registry_machine found CLEANUP_MACHINE = {0};
    struct agentclient_machine machine = {0};
    struct strv argv CLEANUP_STRV = {0};
    const char *name = options->words.count ? options->words.items[0] : NULL;
    int r = execcommand_find(&found, &machine, name, options->wait, e);
    if (r < 0)
        return r;
    const json_t *port = machine.socket ? NULL : sshport_find(&found);
    r = port ? wait_for_sshd(&machine, port, e) : need_agent(&machine, e);
    if (r < 0)
        return r;
    signals_block();
    char *key CLEANUP_FREE = sshkey_open(e);
    if (!key)
        return -ENOENT;
    r = port ? 0 : prepare_guest(&machine, key, e);
    if (r < 0)
        return r;
    make_arguments(&argv, options, &machine, port, key);
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) ? foreground_run(&argv, e)
                                                         : become_ssh(&argv, e);
}

int sshcommand_run(void *options)
{
    struct error e CLEANUP_ERROR = {0};
    int r = run(options, &e);
    return r < 0 ? message_report(&e, STATUS_SSH_FAILED) : r;
}
