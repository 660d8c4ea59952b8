/* SPDX-License-Identifier: MIT */
/* QEMU, from its start to its end. */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "host/plan/plan.h"
#include "host/run/virtiofsd.h"

struct supervise_limits {
    int powerdown; /* milliseconds a guest has to power down */
    int quit;      /* milliseconds QEMU has to quit after that */
};

/* 60 s and 5 s. */
extern const struct supervise_limits supervise_default_limits;

/* What else is attended to while QEMU runs; with one, QEMU's stdin is /dev/null. */
#define SUPERVISE_POLLED 8
enum supervise_state {
    SUPERVISE_RUNS,
    SUPERVISE_WAITS,  /* for the guest to take a signal, which one that halts never does */
    SUPERVISE_DONE,   /* the guest powers off by itself: its time limit begins */
    SUPERVISE_BROKEN, /* nothing good can come of the guest any more: QEMU shall quit */
};
struct supervise_handler {
    int output; /* QEMU's stdout; -1: /dev/null */
    /* What to wait for: at most SUPERVISE_POLLED; returns how many. */
    size_t (*choose)(void *context, struct pollfd *polled);
    /* Attends to what came of it. */
    enum supervise_state (*attend)(void *context, const struct pollfd *polled);
    /* One of those of signals_block(). True: it has been passed on and QEMU goes on, if the guest
     * takes it within the time for powering down. */
    bool (*signalled)(void *context, int number);
    void *context;
};

/* Runs plan.argv in plan.cwd and stays its parent. A signal of signals_block() presses the guest's
 * power button through plan.qmp_socket; a second one, or the time limit, makes QEMU quit (with
 * plan.quits the first one does); a third, or the next limit, kills it. The terminal is afterwards
 * as it was before.
 * With a handler (else NULL) the power button is left out: the guest has nobody to hear it.
 * A guest that has lost one of `servers` (NULL: there are none) is ended likewise, and STATUS_IO
 * stands for QEMU's status 0.
 * Returns QEMU's exit status (128 + N when signal N killed it), or a negative errno with the
 * reason: where QEMU could not be started; and -ECANCELED where the guest's init has ended the last
 * boot as failed, with STATUS_BOOT_FAILED as the error's status unless QEMU's is another than 0.
 * signals_block() must have been called. */
int supervise(const struct plan *plan, const struct supervise_limits *limits,
              struct virtiofsd_list *servers, const struct supervise_handler *handler,
              struct error *e);
