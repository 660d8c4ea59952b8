/* SPDX-License-Identifier: MIT */
#include "host/commands/stopcommand.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "host/remote/domain.h"
#include "host/run/qmplines.h"
#include "host/run/registry.h"
#include "host/system/message.h"
#include "host/system/process.h"

/* Exit statuses; run-vm(1) describes them. */
#define STATUS_ENDED_OTHERWISE 3
#define STATUS_STILL_RUNS      75

/* Time that a machine has unless --timeout is given, in seconds: more than the 65 that run-vm
 * itself gives a guest and QEMU. */
#define DEFAULT_TIMEOUT 90

/* Time between two signals, in milliseconds: run-vm takes a second one that comes at once as the
 * same. */
#define SIGNAL_PAUSE 300

/* Time that QEMU has to quit before everything is killed, in milliseconds. */
#define QUIT_TIME 10000

#define MEMBER(name) offsetof(struct stopcommand_options, name)

static const struct commandline_option option_table[] = {
    {"timeout", 't', COMMANDLINE_TEXT, MEMBER(timeout), "SECONDS",
     .help = "wait no longer than this for the guest to power down (90)"},
    {"kill", 'k', COMMANDLINE_FLAG, MEMBER(kill), NULL,
     .help =
         "after that time, or without --timeout at once, make QEMU quit, and kill what remains"},
    {"connect", 0, COMMANDLINE_TEXT, MEMBER(connect), "URI", .help = "stop a machine of a libvirt"},
    {"help", 'h', COMMANDLINE_HELP, 0, NULL, .help = "print this"},
};
const struct commandline stopcommand_syntax = {.options = option_table,
                                               .count = ELEMENTS(option_table),
                                               .words = "[NAME]",
                                               .words_offset = MEMBER(words),
                                               .words_most = 1};

/* A machine that is being stopped. */
struct stopping {
    const char *name;
    int end;                /* a pidfd of its run-vm */
    struct qmplines *lines; /* of QEMU's monitor; NULL: it cannot be reached */
    bool watched;           /* it was reached */
    bool shut_down;         /* QEMU has told of the end … */
    bool by_guest;          /* … which was the guest's wish */
};

/* Notes how QEMU ends. */
static void read_events(struct stopping *s)
{
    json_t *message;
    while (s->lines && (message = qmplines_next(s->lines))) {
        const char *event = json_string_value(json_object_get(message, "event"));
        if (event && streq(event, "SHUTDOWN")) {
            s->shut_down = true;
            s->by_guest = json_is_true(json_object_get(json_object_get(message, "data"), "guest"));
        }
        json_decref(message);
    }
}

/* Waits for the end of the machine. Returns false if the time is over. */
static bool wait_for_end(struct stopping *s, int64_t milliseconds)
{
    int64_t until = clock_milliseconds() + milliseconds;
    for (;;) {
        int left = clock_left(until);
        struct pollfd polled[] = {{s->end, POLLIN, 0},
                                  {s->lines ? qmplines_fd(s->lines) : -1, POLLIN, 0}};
        int ready = poll(polled, ELEMENTS(polled), left);
        if (polled[1].revents && !qmplines_read(s->lines))
            qmplines_close(&s->lines);
        read_events(s);
        if (polled[0].revents)
            return true;
        if (ready == 0 && left == 0)
            return false;
    }
}

static int send_signal(const struct stopping *s, int number, struct error *e)
{
    if (pidfd_send_signal(s->end, number, NULL, 0) == 0 || errno == ESRCH)
        return 0;
    return error_errno(e, errno, "%s: cannot send it a signal", s->name);
}

/* Says how the machine has ended. Returns the exit status. */
static int tell_end(const struct stopping *s, int64_t began, bool killed)
{
    int64_t seconds = (clock_milliseconds() - began + 500) / 1000;
    const char *how = killed        ? "killed"
                      : s->by_guest ? "the guest has powered down"
                      : !s->watched ? "it has ended"
                      : s->shut_down
                          ? "QEMU has quit before the guest had powered down"
                          : "QEMU was killed or has crashed, or has told only a run-vm monitor";
    log_info("%s: %s (after %" PRId64 " s)", s->name, how, seconds);
    return !killed && (s->by_guest || !s->watched) ? 0 : STATUS_ENDED_OTHERWISE;
}

/* Makes QEMU quit, and kills run-vm, with which QEMU dies, if that does not help. */
static int end_by_force(struct stopping *s, int64_t began, struct error *e)
{
    if (send_signal(s, SIGTERM, e) < 0)
        return message_report(e, STATUS_IO);
    if (wait_for_end(s, QUIT_TIME))
        return tell_end(s, began, false);
    if (send_signal(s, SIGKILL, e) < 0)
        return message_report(e, STATUS_IO);
    (void)wait_for_end(s, QUIT_TIME);
    return tell_end(s, began, true);
}

static int stop(struct stopping *s, const struct stopcommand_options *options, uint64_t seconds,
                struct error *e)
{
    int64_t began = clock_milliseconds();
    int64_t limit = (int64_t)seconds * 1000;
    if (send_signal(s, SIGTERM, e) < 0)
        return message_report(e, STATUS_IO);
    if (wait_for_end(s, options->kill && limit < SIGNAL_PAUSE ? SIGNAL_PAUSE : limit))
        return tell_end(s, began, false);
    if (options->kill)
        return end_by_force(s, began, e);
    log_error("%s: still runs after %" PRIu64 " s; run-vm stop --kill %s ends it", s->name, seconds,
              s->name);
    return STATUS_STILL_RUNS;
}

static int read_timeout(uint64_t *seconds, const struct stopcommand_options *options,
                        struct error *e)
{
    *seconds = options->kill ? 0 : DEFAULT_TIMEOUT;
    if (!options->timeout || text_number(options->timeout, INT32_MAX / 1000, seconds))
        return 0;
    return error_set(e, -EINVAL, "--timeout: is \"%s\", expected a number of seconds",
                     options->timeout);
}

/* Opens a pidfd of the machine's run-vm, then checks that the machine still runs: the pid is no
 * other process's then. */
static int open_machine(const struct registry_machine *machine, struct error *e)
{
    pid_t pid = (pid_t)registry_number(machine, "pid");
    if (registry_is_foreign(machine))
        return error_set(e, -EPERM,
                         "%s: its run-vm runs in another PID namespace, such as a container's; use "
                         "run-vm stop there",
                         machine->name);
    int end CLEANUP_CLOSE = pid > 0 ? pidfd_open(pid, 0) : -1;
    if (end < 0 || !registry_is_running(machine)) {
        (void)error_set(e, -ESRCH, "%s: it has just %s; see run-vm list", machine->name,
                        pid > 0 ? "ended" : "been started");
        return error_status(e, -ESRCH, STATUS_NO_MACHINE);
    }
    return TAKE_FD(end);
}

/* Stops a machine of a libvirt. Returns the exit status. */
static int stop_elsewhere(const struct stopcommand_options *options, uint64_t seconds)
{
    struct error e CLEANUP_ERROR = {0};
    struct virsh virsh CLEANUP_VIRSH = {0};
    int r = virsh_open(&virsh, options->connect, &e);
    char *name CLEANUP_FREE = r < 0 ? NULL : domain_choose(&virsh, &options->words, &e);
    enum domain_end end = DOMAIN_RUNS;

    if (!name || domain_stop(&virsh, name, seconds, options->kill, &end, &e) < 0)
        return message_report(&e, STATUS_UNAVAILABLE);
    if (end == DOMAIN_POWERED_DOWN)
        log_info("%s: the guest has powered down", name);
    else if (end == DOMAIN_ENDED)
        log_info("%s: ended", name);
    else
        log_error("%s: still runs after %" PRIu64 " s; run-vm stop --kill --connect %s %s ends it",
                  name, seconds, virsh.word, name);
    return end == DOMAIN_POWERED_DOWN ? 0
           : end == DOMAIN_ENDED      ? STATUS_ENDED_OTHERWISE
                                      : STATUS_STILL_RUNS;
}

int stopcommand_run(void *values)
{
    const struct stopcommand_options *options = values;
    struct registry_machine machine CLEANUP_MACHINE = {0};
    struct error e CLEANUP_ERROR = {0};
    uint64_t seconds = 0;
    if (read_timeout(&seconds, options, &e) < 0)
        return message_report(&e, STATUS_USAGE);
    if (options->connect)
        return stop_elsewhere(options, seconds);
    if (registry_find(&machine, options->words.count ? options->words.items[0] : NULL, &e) < 0)
        return message_report(&e, STATUS_IO);
    int end CLEANUP_CLOSE = open_machine(&machine, &e);
    if (end < 0)
        return message_report(&e, STATUS_IO);
    const char *monitor = registry_text(&machine, "monitor");
    struct stopping s = {.name = machine.name,
                         .end = end,
                         .lines = monitor ? qmplines_connect(monitor, NULL) : NULL};
    s.watched = s.lines != NULL;
    int status = stop(&s, options, seconds, &e);
    qmplines_close(&s.lines);
    return status;
}
