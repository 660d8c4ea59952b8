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
#include "host/run/sshkey.h"
#include "host/system/message.h"
#include "host/system/process.h"
#include "host/system/shell.h"
#include "host/system/signals.h"

/* The exit status of ssh itself after a failure of its own. */
#define STATUS_SSH_FAILED 255

#define SSH_PORT 22

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

/* Options for ssh. The connection does not leave the host:
 * a host key, which a tree has anew or in common with others, would prove nothing more. The guest
 * gets nothing of the user's unless -A or -X is given. */
static const char *const settings[] = {
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "GlobalKnownHostsFile=/dev/null",
    "LogLevel=ERROR",
    "ControlPath=none",
    "ForwardAgent=no",
    "ForwardX11=no",
};

static void push_key(struct strv *argv, const char *key)
{
    char *escaped CLEANUP_FREE = text_escape(key, "%", TEXT_DOUBLED);
    char *quoted CLEANUP_FREE = text_escape(escaped, "\\\"", TEXT_BACKSLASH);
    strv_pushf(argv, "-oIdentityFile=\"%s\"", quoted);
}

static void push_agent(struct strv *argv, const struct agentclient_machine *machine)
{
    strv_push(argv, "-oIdentitiesOnly=yes");
    strv_push(argv, "-o");
    strv_take(argv, make_proxy(machine));
}

/* The guest has not been given a key: ssh tries its user's own ones too. */
static void push_port(struct strv *argv, const json_t *port)
{
    static const char *const keys[] = {"~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"};
    const char *address = json_string_value(json_object_get(port, "hostAddress"));
    bool anywhere = !address || !*address || streq(address, "0.0.0.0");
    for (size_t i = 0; i < ELEMENTS(keys); i++)
        strv_pushf(argv, "-oIdentityFile=%s", keys[i]);
    strv_pushf(argv, "-oHostName=%s", anywhere ? "127.0.0.1" : address);
    strv_pushf(argv, "-oPort=%" JSON_INTEGER_FORMAT,
               json_integer_value(json_object_get(port, "hostPort")));
    strv_push(argv, "-oProxyCommand=none");
}

/* Returns the port of the host that leads to the guest's sshd; NULL: there is none. */
static const json_t *find_port(const struct registry_machine *machine)
{
    size_t index;
    json_t *port;
    json_array_foreach (json_object_get(machine->facts, "ports"), index, port) {
        const char *protocol = json_string_value(json_object_get(port, "protocol"));
        if (json_integer_value(json_object_get(port, "guestPort")) == SSH_PORT &&
            (!protocol || streq(protocol, "tcp")))
            return port;
    }
    return NULL;
}

/* `port`: NULL: by the agent. */
static void make_arguments(struct strv *argv, const struct sshcommand_options *options,
                           const struct agentclient_machine *machine, const json_t *port,
                           const char *key)
{
    const struct strv *words = &options->words;
    strv_push(argv, "ssh");
    push_key(argv, key);
    for (size_t i = 0; i < ELEMENTS(settings); i++)
        strv_pushf(argv, "-o%s", settings[i]);
    if (port)
        push_port(argv, port);
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

static int run(struct sshcommand_options *options, struct error *e)
{
    struct registry_machine found CLEANUP_MACHINE = {0};
    struct agentclient_machine machine = {0};
    struct strv argv CLEANUP_STRV = {0};
    const char *name = options->words.count ? options->words.items[0] : NULL;
    int r = execcommand_find(&found, &machine, name, options->wait, e);
    if (r < 0)
        return r;
    const json_t *port = machine.socket ? NULL : find_port(&found);
    r = port ? 0 : execcommand_need_agent(&machine, e);
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
    return become_ssh(&argv, e);
}

int sshcommand_run(void *options)
{
    struct error e CLEANUP_ERROR = {0};
    int r = run(options, &e);
    return r < 0 ? message_report(&e, STATUS_SSH_FAILED) : r;
}
