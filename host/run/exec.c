/* SPDX-License-Identifier: MIT */
#include "host/run/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "host/machine/frozenargv.h"
#include "host/run/consoletail.h"
#include "host/run/migrate.h"
#include "host/system/unixsocket.h"

/* The number of lines of the guest's console that are shown if it gave no reason. */
#define CONSOLE_LINES 30

/* Time that a machine from a snapshot has to answer, in seconds. */
#define THAW_TIME 60

struct run {
    struct session session;
    const struct plan *plan;
    const struct snapshot *snapshot; /* NULL: the machine boots */
    struct consoletail tail;
    int listener; /* until QEMU has connected; -1 */
    int console;
    int deadline;           /* a timerfd, until a machine from a snapshot has answered; -1 */
    struct qmp *monitor;    /* NULL: not connected yet */
    struct migrate loading; /* of the snapshot */
    bool accepted;          /* QEMU has begun to load it */
    bool disk_busy;         /* QEMU has loaded it, and may not write to a disk */
};

static void accept_qemu(struct run *run)
{
    struct session *s = &run->session;
    s->connection = accept4(run->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (s->connection < 0)
        return;
    cleanup_close(&run->listener);
    if (!run->plan->warm)
        session_request(s, &run->plan->exec);
}

/* Has QEMU load the snapshot, as soon as it has a monitor, and begins the run then. */
static int load(struct run *run, short ticks, struct error *e)
{
    int r = 0;
    if (run->snapshot && run->monitor && !run->accepted) {
        r = migrate_load(&run->loading, run->monitor, run->snapshot->state, e);
        run->accepted = r == 0;
    } else if (ticks) {
        r = migrate_look(&run->loading, e);
        run->disk_busy = r == -EBUSY;
        if (r > 0)
            r = session_thaw(&run->session, e);
    }
    if (r != -ECONNRESET && r != -EPIPE)
        return r;
    run->monitor = NULL; /* QEMU is exiting, and its status says more than this */
    error_free(e);
    return 0;
}

/* Goes on with a run that has begun, or not yet. */
static int begin(struct run *run, struct error *e)
{
    struct session *s = &run->session;
    if (s->warm.frozen)
        return session_thaw(s, e);
    if (!s->warm.begun)
        return 0;
    s->warm.begun = false;
    cleanup_close(&run->deadline);
    session_request(s, &run->plan->exec);
    return 0;
}

enum slot { CONSOLE = SESSION_POLLED, LISTENER, DEADLINE, LOADING, SLOTS };
_Static_assert(SLOTS <= SUPERVISE_POLLED, "supervise() polls no more");

static size_t choose(void *context, struct pollfd *polled)
{
    const struct run *run = context;
    session_choose(&run->session, polled);
    polled[CONSOLE] = (struct pollfd){run->console, POLLIN, 0};
    polled[LISTENER] = (struct pollfd){run->listener, POLLIN, 0};
    polled[DEADLINE] = (struct pollfd){run->deadline, POLLIN, 0};
    polled[LOADING] = (struct pollfd){run->loading.ticks, POLLIN, 0};
    return SLOTS;
}

static enum supervise_state attend(void *context, const struct pollfd *polled)
{
    struct run *run = context;
    struct session *s = &run->session;
    struct error e CLEANUP_ERROR = {0};
    if (polled[CONSOLE].revents)
        consoletail_read(&run->tail, &run->console);
    int r = session_attend(s, polled, &e);
    if (r == 0)
        r = begin(run, &e);
    if (polled[LISTENER].revents)
        accept_qemu(run);
    if (r == 0 && !s->done)
        r = load(run, polled[LOADING].revents, &e);
    if (r == 0 && polled[DEADLINE].revents && run->deadline >= 0)
        r = error_set(&e, -ETIMEDOUT, "no answer within %d s", THAW_TIME);
    if (r < 0) {
        session_fail(s, &e);
        cleanup_close(&run->deadline);
    }
    if (s->done)
        cleanup_close(&run->listener);
    if (r < 0)
        return SUPERVISE_BROKEN;
    return s->done ? SUPERVISE_DONE : s->unheard ? SUPERVISE_WAITS : SUPERVISE_RUNS;
}

static bool signalled(void *context, int number)
{
    struct run *run = context;
    return session_signal(&run->session, number);
}

static char *last_line(void *context)
{
    const struct run *run = context;
    return run->session.ready ? NULL : consoletail_last_line(&run->tail);
}

static int result(const struct run *run, int qemu, struct error *e)
{
    const struct session *s = &run->session;
    const char *command = run->plan->exec.arguments.items[0];
    int failed = s->signal ? 128 + s->signal : STATUS_EXEC_FAILED;
    if (s->status >= 0 && s->write_error) {
        (void)error_errno(e, s->write_error, "cannot write the command's output");
        return error_status(e, -EIO, STATUS_EXEC_FAILED);
    }
    if (s->status >= 0)
        return s->status;
    if (s->reason) {
        (void)error_set(e, -ECANCELED, "%s: no exit status: %s", command, s->reason);
        return error_status(e, -ECANCELED, failed);
    }
    char *console CLEANUP_FREE = consoletail_text(&run->tail, CONSOLE_LINES, "  | ");
    if (!s->signal && *console)
        log_info("the end of the guest's console:\n%s", console);
    (void)error_set(e, -ECANCELED,
                    s->signal ? "%s: no exit status: run-vm got signal %d"
                              : "%s: no exit status: QEMU exited before the guest reported one "
                                "(QEMU's exit status: %d)",
                    command, s->signal ? s->signal : qemu);
    return error_status(e, -ECANCELED, failed);
}

/* Runs the machine to its end, from the snapshot if there is one. */
static int supervise_machine(struct run *run, const struct supervise_limits *limits,
                             struct helper_list *helpers, const struct supervise_handler *handler,
                             struct error *e)
{
    struct strv argv CLEANUP_STRV = {0};
    struct plan machine = *run->plan; /* with an argv of its own */
    if (!run->snapshot)
        return supervise(run->plan, limits, helpers, handler, e);
    frozenargv_write(&run->plan->machine, run->snapshot->memory, snapshot_memory(run->plan), false,
                     &argv);
    machine.argv = argv;
    run->deadline = clock_timer(THAW_TIME * 1000, false);
    if (run->deadline < 0)
        return error_errno(e, errno, "a timer");
    return supervise(&machine, limits, helpers, handler, e);
}

/* True if a machine from a snapshot has been told nothing, and nobody wants it to end. */
static bool is_stale(const struct run *run, int r)
{
    return run->snapshot && run->session.warm.waits && !run->session.signal && r != -ETIMEDOUT;
}

/* A QEMU that has not begun to load the snapshot (a port is taken), has loaded it (a disk is in
 * use), or was killed from outside (no memory), says nothing about it. */
static int tell_stale(const struct run *run, int qemu, struct error *e)
{
    bool killed = qemu == 128 + SIGKILL && !run->session.reason;
    int r = run->accepted && !run->disk_busy && !killed ? -ESTALE : -EAGAIN;
    if (run->session.reason)
        return error_set(e, r, "%s", run->session.reason);
    if (qemu >= 0)
        (void)error_set(e, r, "QEMU exited with status %d", qemu);
    return r;
}

static int supervise_run(struct run *run, const struct supervise_limits *limits,
                         struct helper_list *helpers, struct error *e)
{
    int console[2];
    if (pipe2(console, O_CLOEXEC) < 0)
        return error_errno(e, errno, "a pipe for the guest's console");
    run->console = console[0];
    const struct supervise_handler handler = {.output = console[1],
                                              .monitor = run->snapshot ? &run->monitor : NULL,
                                              .choose = choose,
                                              .attend = attend,
                                              .signalled = signalled,
                                              .last_line = last_line,
                                              .context = run};
    run->listener = unixsocket_listen(run->plan->exec_socket, e);
    int r =
        run->listener < 0 ? run->listener : supervise_machine(run, limits, helpers, &handler, e);
    (void)close(console[1]);
    if (is_stale(run, r))
        return tell_stale(run, r, e);
    if (r < 0 && r != -ETIMEDOUT)
        return error_status(e, r, STATUS_EXEC_FAILED);
    consoletail_drain(&run->tail, &run->console);
    session_end_output(&run->session);
    return r < 0 ? r : result(run, r, e);
}

int exec_run(const struct plan *plan, const struct snapshot *snapshot,
             const struct supervise_limits *limits, struct helper_list *helpers,
             const struct session_streams *streams, struct error *e)
{
    struct run run = {.plan = plan,
                      .snapshot = snapshot,
                      .listener = -1,
                      .console = -1,
                      .deadline = -1,
                      .loading.ticks = -1};
    session_open(&run.session, streams);
    run.session.warm.waits = plan->warm;
    int r = supervise_run(&run, limits, helpers, e);
    cleanup_close(&run.listener);
    cleanup_close(&run.console);
    cleanup_close(&run.deadline);
    migrate_close(&run.loading);
    session_close(&run.session);
    consoletail_free(&run.tail);
    return r;
}
