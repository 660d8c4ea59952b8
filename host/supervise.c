/* SPDX-License-Identifier: MIT */
#include "host/supervise.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "host/process.h"
#include "host/qmp.h"
#include "host/signals.h"
#include "host/terminal.h"

const struct supervise_limits supervise_default_limits = {.powerdown = 60000, .quit = 5000};

/* How long QEMU's monitor may take for an answer, in milliseconds. */
#define MONITOR_TIMEOUT 1000

/* How far the ending has come, and how it goes on. */
enum stage {
    RUNNING,
    POWERING_DOWN,
    QUITTING,
    KILLED,
};

struct supervisor {
    const struct plan *plan;
    const struct supervise_limits *limits;
    pid_t pid;
    enum stage stage;
};

/* Through the monitor; where that cannot be had, QEMU is killed. */
static enum stage ask(const struct supervisor *s, const char *command, enum stage next)
{
    struct error e CLEANUP_ERROR = {0};
    if (s->plan->qmp_socket && qmp_execute(s->plan->qmp_socket, command, MONITOR_TIMEOUT, &e) == 0)
        return next;
    log_warning("%s; QEMU is killed", e.message ? e.message : "QEMU has no monitor");
    (void)kill(s->pid, SIGKILL);
    return KILLED;
}

/* One step further towards the end, at a signal or when a time limit is over. */
static void end_further(struct supervisor *s)
{
    switch (s->stage) {
    case RUNNING:
        log_info("powering the guest down (again to make QEMU quit)");
        s->stage = ask(s, "system_powerdown", POWERING_DOWN);
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

static int limit(const struct supervisor *s)
{
    switch (s->stage) {
    case POWERING_DOWN:
        return s->limits->powerdown;
    case QUITTING:
        return s->limits->quit;
    default:
        return -1;
    }
}

/* Until QEMU has ended. A signal starts the stage's time anew, since it goes on to the next. */
static void watch(struct supervisor *s, int end)
{
    for (;;) {
        struct pollfd polled[] = {{end, POLLIN, 0}, {signals_fd(), POLLIN, 0}};
        int ready = poll(polled, ELEMENTS(polled), limit(s));
        if (ready < 0 && errno != EINTR)
            return;
        if (polled[0].revents)
            return;
        if (ready == 0 || (polled[1].revents && signals_take()))
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

int supervise(const struct plan *plan, const struct supervise_limits *limits, struct error *e)
{
    struct terminal terminal;
    terminal_save(&terminal);
    /* Signals to the whole process group (Ctrl-C, timeout(1)) must not make QEMU quit before the
     * guest has been powered down. */
    const struct process qemu = {.argv = &plan->argv,
                                 .environment = &plan->environment,
                                 .cwd = plan->cwd,
                                 .keep_io = true,
                                 .hold_signals = true};
    struct supervisor s = {.plan = plan, .limits = limits};
    s.pid = process_start(&qemu, e);
    if (s.pid < 0)
        return (int)s.pid;
    int r = wait_for_end(&s, e);
    terminal_restore(&terminal);
    return r;
}
