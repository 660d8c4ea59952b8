/* SPDX-License-Identifier: MIT */
#include "host/run/supervise.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "host/run/bootreport.h"
#include "host/run/bootsteps.h"
#include "host/run/consolelog.h"
#include "host/run/deadline.h"
#include "host/run/qmp.h"
#include "host/system/process.h"
#include "host/system/signals.h"
#include "host/system/terminal.h"
#include "host/system/timeline.h"
#include "host/system/unixsocket.h"

const struct supervise_limits supervise_default_limits = {.powerdown = 60000, .quit = 5000};

/* Time that QEMU's monitor has for an answer, in milliseconds. Long, since without an answer QEMU
 * is killed, and it may only be busy. */
#define MONITOR_TIMEOUT 5000

/* The same for a press that only repeats another, if QEMU has connected no monitor to run-vm. */
#define PRESS_TIMEOUT 200

/* Time that QEMU has to exit after a helper, in milliseconds: helpers exit as soon as QEMU closes
 * its connection to them. */
#define HANG_UP_TIMEOUT 1000

/* Time between two presses of the power button, in milliseconds. A guest whose boot has not reached
 * the button's driver or its listener loses a press; systemd ignores one that repeats the last. */
#define BUTTON_PAUSE 3000

/* The stages of ending a machine, in their order. */
enum stage {
    RUNNING,
    UNSERVED,  /* a helper has exited, as it does when QEMU exits */
    SIGNALLED, /* the handler has passed a signal on, which the guest has not accepted yet */
    POWERING_DOWN,
    QUITTING,
    KILLED,
};

struct supervisor {
    const struct plan *plan;
    const struct supervise_limits *limits;
    struct helper_list *helpers;             /* NULL: none */
    const struct supervise_handler *handler; /* NULL: none */
    struct bootreport report;
    int control;      /* listens for the monitor that QEMU connects to run-vm; -1: none */
    struct qmp *qmp;  /* the session with that monitor, once one is needed */
    bool losses_told; /* tell_losses() has warned */
    pid_t pid;        /* QEMU */
    bool lost;        /* a helper exited before QEMU */
    enum stage stage;
    int64_t
        requested; /* the time of the last signal, as signals_take_request() wants it; 0: none */
    int64_t next_press; /* the time for the next press of the power button; 0: none */
    struct deadline deadline;
    struct consolelog log;
};

/* The boot of the machine that runs, observed until run-vm ends. */
static struct bootsteps boot;

static void take_mark(void *context, const struct bootmark *mark)
{
    (void)bootsteps_mark(context, mark);
}

static void observe_boot(void)
{
    static bool observed;
    if (!observed)
        bootreport_observe(take_mark, &boot);
    observed = true;
    bootsteps_free(&boot);
    bootsteps_start(&boot, clock_microseconds());
}

/* True if the handler runs a command in place of stage 2, to which signals go. */
static bool runs_command(const struct supervisor *s)
{
    return s->handler && s->handler->signalled;
}

/* Accepts the connection that QEMU has made at its start. It lasts even if the socket's name is
 * removed. */
static void accept_monitor(struct supervisor *s)
{
    int fd = s->control < 0 || s->qmp
                 ? -1
                 : accept4(s->control, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0)
        s->qmp = qmp_open(fd);
}

static void lend_monitor(struct supervisor *s)
{
    accept_monitor(s);
    *s->handler->monitor = s->qmp;
}

/* Warns, once, of files that were removed while the machine ran, and of the consequences. */
static void tell_losses(struct supervisor *s, bool running)
{
    if (s->losses_told)
        return;
    bool directory = access(s->plan->cwd, F_OK) < 0 && errno == ENOENT;
    /* QEMU removes its socket when it exits */
    bool socket = running && s->qmp && access(s->plan->qmp_socket, F_OK) < 0 && errno == ENOENT;
    if (directory)
        log_warning(
            "%s: the temporary directory has been removed while the machine ran: files that "
            "the guest put there (xchg) are lost; run-vm goes on without it",
            s->plan->cwd);
    else if (socket)
        log_warning("%s: the socket of QEMU's monitor has been removed while the machine ran; "
                    "run-vm uses a connection of its own",
                    s->plan->qmp_socket);
    s->losses_told = directory || socket;
}

/* Sends a command to the monitor that QEMU has connected, or else to the one at plan.qmp_socket;
 * kills QEMU if neither answers. Returns the stage that follows: `next`, or KILLED. */
static enum stage ask(struct supervisor *s, const char *command, enum stage next)
{
    struct error e CLEANUP_ERROR = {0};
    const char *path = s->plan->qmp_socket;
    accept_monitor(s);
    tell_losses(s, true);
    if (s->qmp ? qmp_command(s->qmp, command, MONITOR_TIMEOUT, &e) == 0
               : path && qmp_execute(path, command, MONITOR_TIMEOUT, &e) == 0)
        return next;
    if (s->qmp)
        (void)error_context(&e, 0, "QEMU's monitor");
    log_warning("%s; QEMU is killed", e.message ? e.message : "QEMU has no monitor");
    (void)kill(s->pid, SIGKILL);
    return KILLED;
}

static void quit(struct supervisor *s)
{
    s->stage = ask(s, "quit", QUITTING);
}

/* Presses the power button, and again until the guest ends. */
static void press_button(struct supervisor *s)
{
    s->stage = ask(s, "system_powerdown", POWERING_DOWN);
    s->next_press = clock_milliseconds() + BUTTON_PAUSE;
}

/* Presses the button again. QEMU may just be exiting, or hang: nobody waits for an answer, so that
 * the console's view goes on and a signal is heard. */
static void repeat_press(struct supervisor *s)
{
    if (s->qmp)
        qmp_send(s->qmp, "system_powerdown");
    else
        (void)qmp_execute(s->plan->qmp_socket, "system_powerdown", PRESS_TIMEOUT, NULL);
    s->next_press = clock_milliseconds() + BUTTON_PAUSE;
}

static void power_down(struct supervisor *s)
{
    log_info("powering the guest down (again to make QEMU quit)");
    press_button(s);
}

/* Ends a machine that has lost the server of a share or the emulator of its TPM: programs in the
 * guest that use it would wait forever. */
static void lose_helper(struct supervisor *s)
{
    s->lost = true;
    helpers_report(s->helpers);
    if (runs_command(s))
        quit(s);
    else
        power_down(s);
}

/* Takes the next step towards the end, after a signal or at a time limit. */
static void end_further(struct supervisor *s)
{
    switch (s->stage) {
    case RUNNING:
        if (s->plan->quits)
            quit(s);
        else
            power_down(s);
        return;
    case UNSERVED:
        lose_helper(s);
        return;
    case SIGNALLED:
        log_info("the guest has not accepted the signal; QEMU quits");
        s->stage = ask(s, "quit", QUITTING);
        return;
    case POWERING_DOWN:
        log_info("the guest has not powered down; QEMU quits");
        s->stage = ask(s, "quit", QUITTING);
        return;
    case QUITTING:
        log_warning("QEMU does not quit; it is killed");
        (void)kill(s->pid, SIGKILL);
        s->stage = KILLED;
        return;
    case KILLED:
        return;
    }
}

/* Ends a machine that has not ended by itself in time. Before stage 2 nothing in the guest reacts
 * to a power button. */
static void expire(struct supervisor *s)
{
    s->deadline.passed = true;
    if (s->stage >= POWERING_DOWN)
        return;
    log_info("the guest has not ended within %u s (--timeout); ending it", s->deadline.seconds);
    bool heard = runs_command(s) ? s->handler->signalled(s->handler->context, SIGTERM)
                                 : !s->plan->report_socket || boot.current == BOOTSTEP_STAGE2;
    if (!heard || s->plan->quits)
        quit(s);
    else if (runs_command(s))
        s->stage = POWERING_DOWN;
    else
        press_button(s);
}

/* Returns the time left to the stage that began at `since`, in milliseconds; -1: no limit. */
static int stage_left(const struct supervisor *s, int64_t since)
{
    const int limits[] = {[RUNNING] = -1,
                          [UNSERVED] = HANG_UP_TIMEOUT,
                          [SIGNALLED] = s->limits->powerdown,
                          [POWERING_DOWN] = s->limits->powerdown,
                          [QUITTING] = s->limits->quit,
                          [KILLED] = -1};
    int limit = limits[s->stage];
    if (s->deadline.passed && limit > DEADLINE_GRACE)
        limit = DEADLINE_GRACE;
    return limit < 0 ? -1 : clock_left(since + limit);
}

/* Returns the time left until the button is pressed again, in milliseconds; -1: it is not. */
static int press_left(const struct supervisor *s)
{
    return s->stage == POWERING_DOWN && s->next_press ? clock_left(s->next_press) : -1;
}

/* Returns the shortest of these times; -1: there is no limit. */
static int time_left(const struct supervisor *s, int64_t since)
{
    const int times[] = {stage_left(s, since), deadline_left(&s->deadline), press_left(s),
                         consolelog_left(&s->log)};
    int shortest = -1;
    for (size_t i = 0; i < ELEMENTS(times); i++)
        if (times[i] >= 0 && (shortest < 0 || times[i] < shortest))
            shortest = times[i];
    return shortest;
}

static void pass_signal(struct supervisor *s, int number)
{
    if (!runs_command(s) || s->stage >= QUITTING)
        end_further(s);
    else if (!s->handler->signalled(s->handler->context, number) || s->plan->quits)
        quit(s);
    else if (s->stage == RUNNING)
        s->stage = SIGNALLED;
}

static void take_signal(struct supervisor *s)
{
    int number = signals_take_request(&s->requested);
    if (number)
        pass_signal(s, number);
}

static void call_handler(struct supervisor *s, const struct pollfd *polled)
{
    enum supervise_state state = s->handler->attend(s->handler->context, polled);
    if (state == SUPERVISE_RUNS && s->stage == SIGNALLED)
        s->stage = RUNNING;
    else if (state == SUPERVISE_DONE && s->stage < POWERING_DOWN)
        s->stage = POWERING_DOWN;
    else if (state == SUPERVISE_BROKEN && s->stage < QUITTING)
        quit(s);
}

/* Descriptors to poll; those of the handler follow. */
enum { END, SIGNALS, HELPERS, REPORT, MONITOR, HANDLER };

/* Fills in the descriptors; `end` is QEMU's. Returns their number. */
static size_t choose(const struct supervisor *s, int end, struct pollfd *polled)
{
    bool served = s->helpers && s->stage == RUNNING;
    bool lends = s->handler && s->handler->monitor && !s->qmp;
    polled[END] = (struct pollfd){end, POLLIN, 0};
    polled[SIGNALS] = (struct pollfd){signals_fd(), POLLIN, 0};
    polled[HELPERS] = (struct pollfd){served ? s->helpers->ended : -1, POLLIN, 0};
    polled[REPORT] = (struct pollfd){bootreport_fd(&s->report), POLLIN, 0};
    polled[MONITOR] = (struct pollfd){lends ? s->control : -1, POLLIN, 0};
    return HANDLER + (s->handler ? s->handler->choose(s->handler->context, polled + HANDLER) : 0);
}

/* Handles events until QEMU exits. The clock of a stage starts when the stage changes, and is not
 * restarted by events of the handler. */
static void watch(struct supervisor *s, int end)
{
    enum stage stage = s->stage;
    int64_t since = clock_milliseconds();
    for (;;) {
        struct pollfd polled[HANDLER + SUPERVISE_POLLED] = {0};
        size_t count = choose(s, end, polled);
        if (stage != s->stage) {
            stage = s->stage;
            since = clock_milliseconds();
        }
        int ready = poll(polled, count, time_left(s, since));
        if (ready < 0 && errno != EINTR)
            return;
        if (polled[REPORT].revents)
            (void)bootreport_attend(&s->report);
        if (polled[MONITOR].revents)
            lend_monitor(s);
        if (s->handler && ready > 0)
            call_handler(s, polled + HANDLER);
        consolelog_attend(&s->log);
        if (polled[END].revents)
            return;
        if (polled[SIGNALS].revents)
            take_signal(s);
        else if (polled[HELPERS].revents && s->stage == RUNNING)
            s->stage = UNSERVED;
        else if (deadline_left(&s->deadline) == 0)
            expire(s);
        else if (stage == s->stage && stage_left(s, since) == 0)
            end_further(s);
        else if (press_left(s) == 0)
            repeat_press(s);
    }
}

static int wait_for_end(struct supervisor *s, struct error *e)
{
    int end CLEANUP_CLOSE = pidfd_open(s->pid, 0);
    if (end >= 0)
        watch(s, end);
    int status = 0;
    while (waitpid(s->pid, &status, 0) < 0)
        if (errno != EINTR)
            return error_errno(e, errno, "%s: cannot wait for it", s->plan->argv.items[0]);
    if (WIFSIGNALED(status) && s->stage != KILLED)
        log_error("%s: killed by signal %d (%s)", s->plan->argv.items[0], WTERMSIG(status),
                  strsignal(WTERMSIG(status)));
    return process_exit_status(status);
}

static int tell_expiry(struct supervisor *s, struct error *e)
{
    char *line CLEANUP_FREE =
        s->handler && s->handler->last_line ? s->handler->last_line(s->handler->context) : NULL;
    char *step CLEANUP_FREE = bootsteps_last(&boot);
    return deadline_report(&s->deadline, step, line, e);
}

/* Makes a failure of the guest's last boot the result, or the deadline. */
static int tell_failure(struct supervisor *s, int status, struct error *e)
{
    while (bootreport_attend(&s->report))
        ;
    if (!s->report.failed || runs_command(s)) /* which has been told on its own channel */
        return s->deadline.passed ? tell_expiry(s, e) : status;
    (void)error_set(e, -ECANCELED, "%s",
                    *s->report.reason ? s->report.reason : "the boot failed (no reason given)");
    if (s->deadline.passed)
        return error_status(e, -ETIMEDOUT, STATUS_TIMED_OUT);
    return error_status(e, -ECANCELED, status ? status : STATUS_BOOT_FAILED);
}

/* Closes the files; removes the sockets, which a temporary directory that stays would keep. */
static void close_files(struct supervisor *s)
{
    const char *const files[] = {s->plan->report_socket, s->plan->control_socket,
                                 s->plan->exec_socket};
    bootreport_close(&s->report);
    consolelog_close(&s->log);
    qmp_close(&s->qmp);
    cleanup_close(&s->control);
    for (size_t i = 0; i < ELEMENTS(files); i++)
        if (files[i])
            (void)unlink(files[i]);
}

/* Listens for the connections that QEMU makes at its start. */
static int open_sockets(struct supervisor *s, struct error *e)
{
    int r = bootreport_open(&s->report, s->plan->report_socket, e);
    if (r == 0 && s->plan->control_socket)
        r = s->control = unixsocket_listen(s->plan->control_socket, e);
    if (r < 0)
        close_files(s);
    return r < 0 ? r : 0;
}

/* A signal to the process group (Ctrl-C, timeout(1)) must not make QEMU quit before the guest has
 * powered down. */
static struct process qemu_process(const struct plan *plan, const struct supervise_handler *handler)
{
    return (struct process){.argv = &plan->argv,
                            .environment = &plan->environment,
                            .cwd = plan->cwd,
                            .input = handler && handler->keeps_input ? STDIN_FILENO : -1,
                            .output = handler ? handler->output : -1,
                            .keep_io = !handler,
                            .hold_signals = true,
                            .enter = plan->identities.rows ? idmap_enter : NULL,
                            .context = (void *)&plan->identities};
}

int supervise(const struct plan *plan, const struct supervise_limits *limits,
              struct helper_list *helpers, const struct supervise_handler *handler, struct error *e)
{
    struct terminal terminal;
    terminal_save(&terminal);
    const struct process qemu = qemu_process(plan, handler);
    struct supervisor s = {.plan = plan,
                           .limits = limits,
                           .helpers = helpers,
                           .handler = handler,
                           .control = -1,
                           .deadline = limits->deadline,
                           .log = consolelog_open(limits->console_log)};
    int r = open_sockets(&s, e);
    if (r < 0)
        return r;
    if (plan->helpers.count > 0)
        process_adopt_orphans();
    timeline_begin(TIMELINE_QEMU, "");
    observe_boot();
    s.pid = process_start(&qemu, e);
    r = s.pid < 0 ? (int)s.pid : wait_for_end(&s, e);
    if (plan->helpers.count > 0)
        process_end_orphans(&plan->helpers);
    if (handler && handler->end)
        handler->end(handler->context);
    terminal_restore(&terminal);
    if ((qemu.keep_io || qemu.input >= 0) && plan_shows_guest(plan))
        terminal_end_modes();
    if ((r == 0 || s.stage == KILLED) && s.lost && !runs_command(&s))
        r = STATUS_IO;
    tell_losses(&s, false);
    if (r >= 0)
        r = tell_failure(&s, r, e);
    close_files(&s);
    return r;
}
