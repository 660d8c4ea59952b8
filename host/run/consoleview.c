/* SPDX-License-Identifier: MIT */
#include "host/run/consoleview.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "host/run/bootreport.h"
#include "host/run/bootsteps.h"
#include "host/run/consoletail.h"
#include "host/system/statusline.h"
#include "host/system/terminal.h"

#define CHUNK 16384

/* Interval of the updates, in nanoseconds. */
#define INTERVAL 250000000L

/* Time that the terminal has for the last output after QEMU has exited, in milliseconds. */
#define LAST_OUTPUT 1000

struct view {
    int console;  /* the pipe that QEMU writes to; -1: it is closed */
    int terminal; /* non-blocking; -1: it is gone, and the output is dropped */
    int timer;
    char bytes[CHUNK]; /* read and not written yet: from `from` to `to` */
    size_t from;
    size_t to;
    bool full;    /* the terminal took nothing, although poll() reported room: wait for the timer */
    bool in_line; /* the console's last output was no whole line */
    bool booting; /* the line of steps is shown */
    struct bootsteps steps;
    struct consoletail tail;
};

static void show_steps(const struct view *view)
{
    if (!view->booting || view->in_line || view->from < view->to)
        return;
    char *line CLEANUP_FREE =
        bootsteps_format(&view->steps, clock_microseconds(), statusline_columns());
    statusline_show(line);
}

/* Leaves the steps on the screen, where stage 2 begins to speak. */
static void end_steps(struct view *view)
{
    char *line CLEANUP_FREE =
        bootsteps_format(&view->steps, clock_microseconds(), statusline_columns());
    view->booting = false;
    if (statusline_terminal() == STATUSLINE_LIVE && !view->in_line)
        statusline_keep(line);
    else
        statusline_clear();
}

static void take_mark(void *context, const struct bootmark *mark)
{
    struct view *view = context;
    bool changed = bootsteps_mark(&view->steps, mark);
    if (!view->booting)
        return;
    if (changed && statusline_terminal() == STATUSLINE_DUMB)
        log_info("boot: %s", bootstep_names[view->steps.current]);
    if (mark->kind == BOOTMARK_STARTED) {
        end_steps(view);
    } else if (mark->kind == BOOTMARK_FAILED) {
        view->booting = false;
        statusline_clear();
    } else {
        show_steps(view);
    }
}

static void read_console(struct view *view)
{
    ssize_t got = read(view->console, view->bytes, sizeof view->bytes);
    if (got > 0) {
        view->from = 0;
        view->to = (size_t)got;
        view->in_line = view->bytes[got - 1] != '\n';
        consoletail_add(&view->tail, view->bytes, (size_t)got);
        statusline_clear();
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        (void)close(view->console);
        view->console = -1;
    }
}

static void write_terminal(struct view *view)
{
    while (view->from < view->to) {
        ssize_t put = view->terminal < 0
                          ? (ssize_t)(view->to - view->from)
                          : write(view->terminal, view->bytes + view->from, view->to - view->from);
        if (put < 0 && errno == EAGAIN)
            view->full = true;
        else if (put < 0 && errno != EINTR)
            view->terminal = -1; /* the caller closes it */
        if (put < 0 && errno == EAGAIN)
            return;
        view->from += put > 0 ? (size_t)put : 0;
    }
}

static size_t choose(void *context, struct pollfd *polled)
{
    const struct view *view = context;
    bool waits = view->from < view->to;
    polled[0] = (struct pollfd){waits ? -1 : view->console, POLLIN, 0};
    polled[1] = (struct pollfd){waits && !view->full ? view->terminal : -1, POLLOUT, 0};
    polled[2] = (struct pollfd){view->booting || view->full ? view->timer : -1, POLLIN, 0};
    return 3;
}

static enum supervise_state attend(void *context, const struct pollfd *polled)
{
    struct view *view = context;
    uint64_t ticks;
    if (polled[2].revents && read(view->timer, &ticks, sizeof ticks) > 0)
        view->full = false;
    if (polled[0].revents)
        read_console(view);
    if (polled[0].revents || polled[1].revents)
        write_terminal(view);
    if (polled[2].revents)
        show_steps(view);
    return SUPERVISE_RUNS;
}

/* Writes what QEMU had written when it exited. */
static void end(void *context)
{
    struct view *view = context;
    int64_t until = clock_milliseconds() + LAST_OUTPUT;
    view->booting = false;
    statusline_clear();
    while (clock_milliseconds() < until) {
        struct pollfd polled[SUPERVISE_POLLED];
        size_t count = choose(view, polled);
        if (view->from == view->to && (view->console < 0 || poll(polled, 1, 0) <= 0))
            break;
        if (poll(polled, (nfds_t)count, LAST_OUTPUT) > 0)
            (void)attend(view, polled);
    }
}

static char *last_line(void *context)
{
    const struct view *view = context;
    return consoletail_last_line(&view->tail);
}

/* Returns a descriptor for the output, which the caller closes; -1 without one. After su or sudo
 * the terminal still belongs to another user and cannot be opened again: then a terminal that is
 * stopped (Ctrl-S) stops run-vm too. */
static int open_output(void)
{
    int terminal = terminal_open_again(STDOUT_FILENO);
    return terminal >= 0 ? terminal : fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
}

int consoleview_run(const struct plan *plan, const struct supervise_limits *limits,
                    struct helper_list *helpers, struct error *e)
{
    int console[2];
    static struct view view; /* it observes until run-vm ends */
    view = (struct view){.booting = true, .terminal = open_output()};
    int terminal CLEANUP_CLOSE = view.terminal;
    int timer CLEANUP_CLOSE = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    const struct itimerspec interval = {{0, INTERVAL}, {0, INTERVAL}};
    view.timer = timer;
    if (terminal < 0 || timer < 0 || timerfd_settime(timer, 0, &interval, NULL) < 0 ||
        pipe2(console, O_CLOEXEC) < 0)
        return supervise(plan, limits, helpers, NULL, e);
    view.console = console[0];
    bootsteps_start(&view.steps, clock_microseconds());
    bootreport_observe(take_mark, &view);
    const struct supervise_handler handler = {.output = console[1],
                                              .keeps_input = true,
                                              .choose = choose,
                                              .attend = attend,
                                              .last_line = last_line,
                                              .end = end,
                                              .context = &view};
    int r = supervise(plan, limits, helpers, &handler, e);
    (void)close(console[1]);
    cleanup_close(&view.console);
    consoletail_free(&view.tail);
    bootsteps_free(&view.steps);
    view.terminal = view.timer = view.console = -1;
    return r;
}
