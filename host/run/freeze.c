/* SPDX-License-Identifier: MIT */
#include "host/run/freeze.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
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

struct freezing {
    const struct plan *plan;
    int state;
    int listener; /* until QEMU has connected; -1 */
    int connection;
    struct frame_reader incoming;
    bool saved;
    struct error problem;
};

enum slot { LISTENER, CONNECTION, SLOTS };

static size_t choose(void *context, struct pollfd *polled)
{
    const struct freezing *f = context;
    polled[LISTENER] = (struct pollfd){f->listener, POLLIN, 0};
    polled[CONNECTION] = (struct pollfd){f->connection, POLLIN, 0};
    return SLOTS;
}

/* Takes the guest's first frame. */
static void take(struct freezing *f, const struct frame *frame)
{
    if (frame->type == FRAME_FROZEN) {
        f->saved = migrate_save(f->plan->qmp_socket, f->state, &f->problem) == 0;
        return;
    }
    char *reason CLEANUP_FREE = frame->type == FRAME_FAILED
                                    ? consoletail_clean(frame->payload, frame->length)
                                    : xstrdup("the guest did not wait");
    (void)error_set(&f->problem, -ECANCELED, "%s", reason);
}

/* Returns 1 if the machine is no longer needed. */
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
    if (r > 0)
        take(f, &frame);
    return r != 0;
}

static enum supervise_state attend(void *context, const struct pollfd *polled)
{
    struct freezing *f = context;
    if (polled[LISTENER].revents) {
        f->connection = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (f->connection >= 0)
            cleanup_close(&f->listener);
    }
    bool done = polled[CONNECTION].revents && receive(f);
    if (done)
        cleanup_close(&f->connection);
    return done ? SUPERVISE_BROKEN : SUPERVISE_RUNS;
}

/* Returns the result of a machine that has ended. */
static int result(struct freezing *f, int r, struct error *e)
{
    if (f->saved)
        return 0;
    if (signals_check(e) < 0)
        return -ECANCELED;
    if (f->problem.message)
        return error_set(e, -ECANCELED, "%s", f->problem.message);
    return r < 0 ? r : error_set(e, -ECANCELED, "QEMU exited with status %d", r);
}

int freeze_machine(const struct plan *plan, const char *memory, int state, struct error *e)
{
    const struct supervise_limits limits = {
        .powerdown = 0, .quit = supervise_default_limits.quit, .timeout = BOOT_TIME};
    struct strv argv CLEANUP_STRV = {0};
    struct freezing f = {.plan = plan, .state = state, .connection = -1};
    const struct supervise_handler handler = {
        .output = -1, .choose = choose, .attend = attend, .context = &f};
    struct plan machine = *plan; /* its own argv, and quits at a signal */
    frozenargv_write(&plan->machine, memory, snapshot_memory(plan), true, &argv);
    machine.argv = argv;
    machine.quits = true;
    f.listener = unixsocket_listen(plan->exec_socket, e);
    if (f.listener < 0)
        return f.listener;
    int r = supervise(&machine, &limits, NULL, &handler, e);
    cleanup_close(&f.listener);
    cleanup_close(&f.connection);
    r = result(&f, r, e);
    frame_reader_free(&f.incoming);
    error_free(&f.problem);
    return r;
}
