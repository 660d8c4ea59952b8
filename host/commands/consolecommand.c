/* SPDX-License-Identifier: MIT */
#include "host/commands/consolecommand.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/text.h"
#include "host/remote/domain.h"
#include "host/run/consolerelay.h"
#include "host/run/consolescreen.h"
#include "host/run/consolesize.h"
#include "host/run/consoletail.h"
#include "host/run/registry.h"
#include "host/system/message.h"
#include "host/system/process.h"
#include "host/system/signals.h"
#include "host/system/unixsocket.h"

/* The part of the log that is shown first: at most the last lines of a screen. */
#define TAIL_BYTES 8192
#define TAIL_LINES 24

#define MEMBER(name) offsetof(struct consolecommand_options, name)

static const struct commandline_option option_table[] = {
    {"connect", 0, COMMANDLINE_TEXT, MEMBER(connect), "URI",
     .help = "attach to a machine of a libvirt"},
    {"help", 'h', COMMANDLINE_HELP, 0, NULL, .help = "print this"},
};
const struct commandline consolecommand_syntax = {.options = option_table,
                                                  .count = ELEMENTS(option_table),
                                                  .words = "[NAME]",
                                                  .words_offset = MEMBER(words),
                                                  .words_most = 1};

/* Says where the console of a machine without a socket for it is. */
static int tell_place(const struct registry_machine *machine, struct error *e)
{
    if (registry_is_starting(machine))
        return error_set(e, -EAGAIN, "%s: it is still being prepared; try again when it runs",
                         machine->name);
    int pid = (int)registry_number(machine, "pid");
    char *link CLEANUP_FREE = xasprintf("/proc/%d/fd/0", pid);
    char target[PATH_MAX];
    ssize_t length = registry_is_foreign(machine) ? 0 : readlink(link, target, sizeof target - 1);
    target[length > 0 ? length : 0] = '\0';
    if (registry_text(machine, "log"))
        return error_set(e, -ENOTCONN,
                         "%s: it has no console to attach to: QEMU's options put the serial line "
                         "elsewhere",
                         machine->name);
    if (startswith(target, "/dev/pts/") || startswith(target, "/dev/tty"))
        return error_set(e, -ENOTCONN,
                         "%s: its console is on the terminal %s, where its run-vm (pid %d) was "
                         "started; one that is started with --detach can be attached to",
                         machine->name, target, pid);
    return error_set(e, -ENOTCONN,
                     "%s: its console is where its run-vm (pid %d) was started; one that is "
                     "started with --detach can be attached to",
                     machine->name, pid);
}

/* Makes sure that no other run-vm console is attached. The file goes with the machine. Returns a
 * descriptor that holds a lock, or a negative errno with the reason. */
static int lock_console(const struct registry_machine *machine, struct error *e)
{
    char *path CLEANUP_FREE = xasprintf("%s/console.lock", machine->directory);
    int lock CLEANUP_CLOSE = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (lock < 0)
        return error_errno(e, errno, "%s", path);
    if (flock(lock, LOCK_EX | LOCK_NB) < 0)
        return error_set(e, -EBUSY,
                         "%s: its console is in use by another run-vm console; leave that one "
                         "first (Ctrl-])",
                         machine->name);
    return TAKE_FD(lock);
}

/* Prints the end of the log without its escape sequences: a terminal would answer queries among
 * them, and the guest read that as typed. The last line, which may be a prompt, is not ended. */
static void print_tail(const char *path)
{
    char bytes[TAIL_BYTES];
    struct consoletail tail = {0};
    int log CLEANUP_CLOSE = path ? open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC) : -1;
    if (log < 0)
        return;
    ssize_t got = file_read_tail(log, bytes, sizeof bytes);
    consoletail_add(&tail, bytes, got > 0 ? (size_t)got : 0);
    char *text CLEANUP_FREE = consoletail_text(&tail, TAIL_LINES, "");
    (void)file_write(STDOUT_FILENO, text, *text ? strlen(text) - 1 : 0);
    consoletail_free(&tail);
}

/* Connects the standard streams and the console until one of them ends. Returns the exit status. */
static int attach(const struct registry_machine *machine, int console)
{
    struct consolescreen screen;
    signals_block();
    consolescreen_open(&screen);
    log_info("%s: its console; %s", machine->name,
             screen.keys ? "Ctrl-] leaves it" : "until the machine ends");
    print_tail(registry_text(machine, "consoleLog"));
    struct consolesize size CLEANUP_CONSOLESIZE = {0};
    if (screen.keys)
        consolesize_start(&size, machine->name);
    consolescreen_enter(&screen);
    enum consolerelay_end end = consolerelay_run(console, screen.keys);
    consolescreen_close(&screen);
    if (end == CONSOLERELAY_SIGNALLED)
        return 128 + signals_take();
    if (end == CONSOLERELAY_LEFT)
        log_info("%s: left its console; the machine runs on", machine->name);
    else
        log_info("%s: it has ended", machine->name);
    return 0;
}

/* Shows the console of a machine of a libvirt. Returns the exit status. */
static int show_elsewhere(const struct consolecommand_options *options)
{
    struct error e CLEANUP_ERROR = {0};
    struct virsh virsh CLEANUP_VIRSH = {0};
    int r = virsh_open(&virsh, options->connect, &e);
    char *name CLEANUP_FREE = r < 0 ? NULL : domain_choose(&virsh, &options->words, &e);
    if (!name)
        return message_report(&e, STATUS_UNAVAILABLE);
    signals_block();
    return domain_show_console(&virsh, name, false);
}

int consolecommand_run(void *values)
{
    const struct consolecommand_options *options = values;
    struct registry_machine machine CLEANUP_MACHINE = {0};
    struct error e CLEANUP_ERROR = {0};
    if (options->connect)
        return show_elsewhere(options);
    if (registry_find(&machine, options->words.count ? options->words.items[0] : NULL, &e) < 0)
        return message_report(&e, STATUS_IO);
    const char *path = registry_text(&machine, "console");
    if (!path) {
        (void)tell_place(&machine, &e);
        return message_report(&e, STATUS_IO);
    }
    int lock CLEANUP_CLOSE = lock_console(&machine, &e);
    if (lock < 0)
        return message_report(&e, STATUS_IO);
    int console CLEANUP_CLOSE = unixsocket_connect(path);
    if (console < 0) {
        (void)error_errno(&e, -console, "%s: its console %s", machine.name, path);
        return message_report(&e, STATUS_IO);
    }
    return attach(&machine, console);
}
