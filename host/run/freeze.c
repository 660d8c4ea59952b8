/* SPDX-License-Identifier: MIT */
#include "host/run/freeze.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "common/frame.h"
#include "host/machine/frozenargv.h"
#include "host/prepare/snapshot.h"
#include "host/run/consoletail.h"
#include "host/run/migrate.h"
#include "host/run/supervise.h"
#include "host/system/signals.h"
#include "host/system/unixsocket.h"

/* Time that the guest has until it waits, in seconds. */
#define BOOT_TIME 300

/* The number of lines of the guest's console that are shown if the machine ends by itself. */
#define CONSOLE_LINES 30

struct freezing {
    int state;
    int listener; /* until QEMU has connected; -1 */
    int connection;
    int console;
    int limit; /* a timerfd: of BOOT_TIME */
    struct qmp *monitor;
    struct migrate saving;
    struct frame_reader incoming;
    struct consoletail tail;
    bool saved;
    struct error problem;
};

enum slot { LISTENER, CONNECTION, CONSOLE, LIMIT, SAVING, SLOTS };
_Static_assert(SLOTS <= SUPERVISE_POLLED, "supervise() polls no more");

static size_t choose(void *context, struct pollfd *polled)
{
    const struct freezing *f = context;
    polled[LISTENER] = (struct pollfd){f->listener, POLLIN, 0};
    polled[CONNECTION] = (struct pollfd){f->connection, POLLIN, 0};
    polled[CONSOLE] = (struct pollfd){f->console, POLLIN, 0};
    polled[LIMIT] = (struct pollfd){f->limit, POLLIN, 0};
    polled[SAVING] = (struct pollfd){f->saving.ticks, POLLIN, 0};
    return SLOTS;
}

/* Takes the guest's first frame. */
static int take(struct freezing *f, const struct frame *frame)
{
    if (frame->type == FRAME_FROZEN && !frame->length && f->monitor && f->saving.ticks < 0)
        return migrate_save(&f->saving, f->monitor, f->state, &f->problem);
    char *reason CLEANUP_FREE = frame->length ? consoletail_clean(frame->payload, frame->length)
                                              : xstrdup("the guest did not wait");
    return error_set(&f->problem, -EPROTO, "%s", reason);
}

/* Returns 0, or a negative errno if the machine cannot be saved. */
static int receive(struct freezing *f)
{
    size_t room = FRAME_HEADER;
    unsigned char *bytes = frame_reader_room(&f->incoming, &room);
    ssize_t got = recv(f->connection, bytes, room, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (got <= 0) {
        cleanup_close(&f->connection); /* QEMU is ending */
        return 0;
    }
    struct frame frame;
    frame_reader_fill(&f->incoming, (size_t)got);
    int r = frame_reader_next(&f->incoming, &frame, &f->problem);
    return r > 0 ? take(f, &frame) : r;
}

static void accept_qemu(struct freezing *f)
{
    f->connection = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (f->connection >= 0)
        cleanup_close(&f->listener);
}

static enum supervise_state attend(void *context, const struct pollfd *polled)
{
    struct freezing *f = context;
    int r = 0;
    if (polled[LISTENER].revents)
        accept_qemu(f);
    if (polled[CONSOLE].revents)
        consoletail_read(&f->tail, &f->console);
    if (polled[CONNECTION].revents)
        r = receive(f);
    if (r == 0 && polled[SAVING].revents)
        r = migrate_look(&f->saving, &f->problem);
    if (r == 0 && polled[LIMIT].revents)
        r = error_set(&f->problem, -EIO, "the guest did not wait within %d s", BOOT_TIME);
    f->saved = f->saved || r > 0;
    if (r == 0)
        return SUPERVISE_RUNS;
    cleanup_close(&f->connection);
    cleanup_close(&f->limit);
    migrate_close(&f->saving);
    return SUPERVISE_BROKEN;
}

static char *last_line(void *context)
{
    const struct freezing *f = context;
    return consoletail_last_line(&f->tail);
}

/* Returns the result of a machine that has ended. */
static int result(const struct freezing *f, const char *memory, int r, struct error *e)
{
    if (f->saved)
        return 0;
    if (r == 128 + SIGBUS) /* the file has holes, and the guest wrote into one */
        return error_errno(e, ENOSPC, "the guest's memory %s", memory);
    if (r == -ETIMEDOUT)
        return r;
    if (signals_check(e) < 0)
        return -ECANCELED;
    if (f->problem.message)
        return error_set(e, -EIO, "%s", f->problem.message);
    char *console CLEANUP_FREE = consoletail_text(&f->tail, CONSOLE_LINES, "  | ");
    if (*console)
        log_info("the end of the guest's console:\n%s", console);
    return r < 0 ? r : error_set(e, -EIO, "QEMU exited with status %d", r);
}

/* Runs the machine until it is saved, or has ended. */
static int run(struct freezing *f, const struct plan *machine, const struct deadline *deadline,
               struct error *e)
{
    int console[2];
    if (pipe2(console, O_CLOEXEC) < 0)
        return error_errno(e, errno, "a pipe for the guest's console");
    const struct supervise_limits limits = {
        .powerdown = 0, .quit = supervise_default_limits.quit, .deadline = *deadline};
    const struct supervise_handler handler = {.output = console[1],
                                              .monitor = &f->monitor,
                                              .choose = choose,
                                              .attend = attend,
                                              .last_line = last_line,
                                              .context = f};
    f->console = console[0];
    f->limit = clock_timer(BOOT_TIME * 1000, false);
    f->listener = unixsocket_listen(machine->exec_socket, e);
    int r = f->listener;
    if (r >= 0)
        r = f->limit < 0 ? error_errno(e, errno, "a timer")
                         : supervise(machine, &limits, NULL, &handler, e);
    (void)close(console[1]);
    consoletail_drain(&f->tail, &f->console);
    return r;
}

int freeze_machine(const struct plan *plan, const char *memory, int state, const void *limits,
                   struct error *e)
{
    const struct supervise_limits *whole = limits;
    struct strv argv CLEANUP_STRV = {0};
    struct freezing f = {.state = state,
                         .listener = -1,
                         .connection = -1,
                         .console = -1,
                         .limit = -1,
                         .saving.ticks = -1};
    struct plan machine = *plan; /* its own argv, and quits at a signal */
    frozenargv_write(&plan->machine, memory, snapshot_memory(plan), true, &argv);
    machine.argv = argv;
    machine.quits = true;
    int r = result(&f, memory, run(&f, &machine, &whole->deadline, e), e);
    int *const descriptors[] = {&f.listener, &f.connection, &f.console, &f.limit};
    for (size_t i = 0; i < ELEMENTS(descriptors); i++)
        cleanup_close(descriptors[i]);
    migrate_close(&f.saving);
    frame_reader_free(&f.incoming);
    consoletail_free(&f.tail);
    error_free(&f.problem);
    return r;
}
