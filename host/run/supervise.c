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

#include "base/clock.h"
#include "base/log.h"
#include "host/run/bootreport.h"
#include "host/run/qmp.h"
#include "host/system/process.h"
#include "host/system/signals.h"
#include "host/system/terminal.h"
#include "host/system/unixsocket.h"

const struct supervise_limits supervise_default_limits = {.powerdown = 60000, .quit = 5000};

/* How long QEMU's monitor may take for an answer, in milliseconds: a busy one must not be killed.
 */
#define MONITOR_TIMEOUT 5000

/* How long QEMU may take to end after the server of a share, which ends when QEMU hangs up, in
 * milliseconds. */
#define HANG_UP_TIMEOUT 1000

/* How far the ending has come, and how it goes on. */
enum stage {
    RUNNING,
    UNSERVED,  /* a share's server has ended, as it does when QEMU ends */
    SIGNALLED, /* the handler has passed a signal on, which the guest has not taken yet */
    POWERING_DOWN,
    QUITTING,
    KILLED,
};

struct supervisor {
    const struct plan *plan;
    const struct supervise_limits *limits;
    struct virtiofsd_list *servers;          /* NULL: none */
    const struct supervise_handler *handler; /* NULL: none */
    struct bootreport report;
    int control;     /* listens for QEMU's connection with our monitor; -1: none */
    struct qmp *qmp; /* that connection, once it is used */
    bool losses_told;
    pid_t pid;
    bool lost; /* a share's server has ended before QEMU */
    enum stage stage;
    int64_t signalled; /* when the last signal had been dealt with */
};

/* QEMU has connected at its start: the connection has waited to be accepted since, and lasts
 * whatever becomes of the socket's name. */
static void accept_monitor(struct supervisor *s)
{
    int fd = s->control < 0 || s->qmp
                 ? -1
                 : accept4(s->control, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0)
        s->qmp = qmp_open(fd);
}

/* Names what somebody has removed under the machine, once, and what that does to it. */
static void tell_losses(struct supervisor *s, bool running)
{
    if (s->losses_told)
        return;
    bool directory = access(s->plan->cwd, F_OK) < 0 && errno == ENOENT;
    /* QEMU itself removes its socket when it ends */
    bool socket = running && s->qmp && access(s->plan->qmp_socket, F_OK) < 0 && errno == ENOENT;
    if (directory)
        log_warning("%s: the temporary directory has been removed while the machine ran: what the "
                    "guest has put there (xchg) is lost; run-vm goes on without it",
                    s->plan->cwd);
    else if (socket)
        log_warning("%s: the socket of QEMU's monitor has been removed while the machine ran; "
                    "run-vm has a connection of its own",
                    s->plan->qmp_socket);
    s->losses_told = directory || socket;
}

/* Through our monitor, or where QEMU has not connected with it the one at its path; where neither
 * can be had, QEMU is killed. */
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

static void power_down(struct supervisor *s)
{
    log_info("powering the guest down (again to make QEMU quit)");
    s->stage = ask(s, "system_powerdown", POWERING_DOWN);
}

/* QEMU runs on without a share: whoever waits for it in the guest waits for ever. */
static void lose_server(struct supervisor *s)
{
    s->lost = true;
    virtiofsd_report(s->servers);
    if (s->handler)
        quit(s);
    else
        power_down(s);
}

/* One step further towards the end, at a signal or when a time limit is over. */
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
        lose_server(s);
        return;
    case SIGNALLED:
        log_info("the guest has not taken the signal; QEMU quits");
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

/* What is left of the time of the stage that began at `since`, in milliseconds; -1: no limit. */
static int time_left(const struct supervisor *s, int64_t since)
{
    const int limits[] = {[RUNNING] = -1,
                          [UNSERVED] = HANG_UP_TIMEOUT,
                          [SIGNALLED] = s->limits->powerdown,
                          [POWERING_DOWN] = s->limits->powerdown,
                          [QUITTING] = s->limits->quit,
                          [KILLED] = -1};
    int limit = limits[s->stage];
    int64_t left = since + limit - clock_milliseconds();
    return limit < 0 ? -1 : left > 0 ? (int)left : 0;
}

/* timeout(1) sends its signal twice, to us and to our process group: what comes within this time,
 * in milliseconds, or while the one before is dealt with, is the same wish. */
#define SAME_WISH 200

static void take_signal(struct supervisor *s)
{
    int number = signals_take();
    if (!number || (s->signalled && clock_milliseconds() - s->signalled < SAME_WISH))
        return;
    if (!s->handler || s->stage >= QUITTING)
        end_further(s);
    else if (!s->handler->signalled(s->handler->context, number))
        quit(s);
    else if (s->stage == RUNNING)
        s->stage = SIGNALLED;
    while (signals_take())
        ;
    s->signalled = clock_milliseconds();
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

/* Until QEMU has ended. A signal starts the stage's time anew, since it goes on to the next; what
 * the handler does must not. */
static void watch(struct supervisor *s, int end)
{
    enum { END, SIGNALS, SERVERS, REPORT, HANDLER };
    enum stage stage = s->stage;
    int64_t since = clock_milliseconds();
    for (;;) {
        bool served = s->servers && s->stage == RUNNING;
        struct pollfd polled[HANDLER + SUPERVISE_POLLED] = {
            [END] = {end, POLLIN, 0},
            [SIGNALS] = {signals_fd(), POLLIN, 0},
            [SERVERS] = {served ? s->servers->ended : -1, POLLIN, 0},
            [REPORT] = {bootreport_fd(&s->report), POLLIN, 0},
        };
        size_t more = s->handler ? s->handler->choose(s->handler->context, polled + HANDLER) : 0;
        if (stage != s->stage) {
            stage = s->stage;
            since = clock_milliseconds();
        }
        int ready = poll(polled, HANDLER + more, time_left(s, since));
        if (ready < 0 && errno != EINTR)
            return;
        if (s->handler && ready > 0)
            call_handler(s, polled + HANDLER);
        if (polled[REPORT].revents)
            (void)bootreport_attend(&s->report);
        if (polled[END].revents)
            return;
        if (polled[SIGNALS].revents)
            take_signal(s);
        else if (polled[SERVERS].revents && s->stage == RUNNING)
            s->stage = UNSERVED;
        else if (stage == s->stage && time_left(s, since) == 0)
            end_further(s);
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
            return error_errno(e, errno, "%s: cannot be waited for", s->plan->argv.items[0]);
    if (WIFSIGNALED(status) && s->stage != KILLED)
        log_error("%s: killed by signal %d (%s)", s->plan->argv.items[0], WTERMSIG(status),
                  strsignal(WTERMSIG(status)));
    return process_exit_status(status);
}

/* The guest's last boot has failed: the reason is the last thing that is said. */
static int tell_failure(struct supervisor *s, int status, struct error *e)
{
    while (bootreport_attend(&s->report))
        ;
    if (!s->report.failed)
        return status;
    (void)error_set(e, -ECANCELED, "%s",
                    *s->report.reason ? s->report.reason : "the boot failed (no reason given)");
    return error_status(e, -ECANCELED, status ? status : STATUS_BOOT_FAILED);
}

static void close_sockets(struct supervisor *s)
{
    bootreport_close(&s->report);
    qmp_close(&s->qmp);
    if (s->control >= 0)
        (void)close(s->control);
}

/* Opens the sockets that QEMU connects to at its start. */
static int open_sockets(struct supervisor *s, struct error *e)
{
    int r = bootreport_open(&s->report, s->plan->report_socket, e);
    if (r == 0 && s->plan->control_socket)
        r = s->control = unixsocket_listen(s->plan->control_socket, e);
    if (r < 0)
        close_sockets(s);
    return r < 0 ? r : 0;
}

int supervise(const struct plan *plan, const struct supervise_limits *limits,
              struct virtiofsd_list *servers, const struct supervise_handler *handler,
              struct error *e)
{
    struct terminal terminal;
    terminal_save(&terminal);
    /* Signals to the whole process group (Ctrl-C, timeout(1)) must not make QEMU quit before the
     * guest has been powered down. */
    const struct process qemu = {.argv = &plan->argv,
                                 .environment = &plan->environment,
                                 .cwd = plan->cwd,
                                 .input = -1,
                                 .output = handler ? handler->output : -1,
                                 .keep_io = !handler,
                                 .hold_signals = true};
    struct supervisor s = {
        .plan = plan, .limits = limits, .servers = servers, .handler = handler, .control = -1};
    int r = open_sockets(&s, e);
    if (r < 0)
        return r;
    if (plan->helpers.count > 0)
        process_adopt_orphans();
    s.pid = process_start(&qemu, e);
    r = s.pid < 0 ? (int)s.pid : wait_for_end(&s, e);
    if (plan->helpers.count > 0)
        process_end_orphans(&plan->helpers);
    terminal_restore(&terminal);
    if (r == 0 && s.lost && !handler)
        r = STATUS_IO;
    tell_losses(&s, false);
    if (r >= 0)
        r = tell_failure(&s, r, e);
    close_sockets(&s);
    return r;
}
