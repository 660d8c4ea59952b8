/* SPDX-License-Identifier: MIT */
/* Supervises QEMU, from its start to its exit. */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "host/plan/plan.h"
#include "host/run/deadline.h"
#include "host/run/helpers.h"
#include "host/run/qmp.h"

/* Limits of times, in milliseconds, and of a file. */
struct supervise_limits {
    int powerdown;            /* for the guest to power down */
    int quit;                 /* for QEMU to quit after that */
    struct deadline deadline; /* for the machine to end by itself */
    const char *console_log;  /* is kept from filling the disk (consolelog.h); NULL: none */
};

/* 60 s and 5 s. */
extern const struct supervise_limits supervise_default_limits;

/* The state of the guest as an event handler sees it. */
enum supervise_state {
    SUPERVISE_RUNS,
    SUPERVISE_WAITS,  /* it has not accepted a signal yet; one that has halted never does */
    SUPERVISE_DONE,   /* it powers off by itself: the limit for powering down begins */
    SUPERVISE_BROKEN, /* it cannot be talked to any more: QEMU is made to quit */
};

/* Handles further events while QEMU runs. */
#define SUPERVISE_POLLED 9
struct supervise_handler {
    int output;       /* QEMU's stdout; -1: /dev/null */
    bool keeps_input; /* QEMU's stdin is run-vm's; otherwise /dev/null */
    /* Becomes the session with the monitor that QEMU connects at its start, before attend() is
     * called; it is lent until QEMU has exited. NULL: the handler needs none. */
    struct qmp **monitor;
    /* Sets the descriptors and events to poll for, at most SUPERVISE_POLLED; returns their number.
     */
    size_t (*choose)(void *context, struct pollfd *polled);
    /* Handles the events that poll() returned. */
    enum supervise_state (*attend)(void *context, const struct pollfd *polled);
    /* Handles a signal of signals_block(). Returns true if it was passed on: QEMU runs on, provided
     * that the guest accepts the signal within the limit for powering down. NULL: a signal asks the
     * guest to power down, as without a handler. */
    bool (*signalled)(void *context, int number);
    /* Returns the last line of the guest's console, which the caller frees; NULL: unknown. */
    char *(*last_line)(void *context);
    /* Is called once QEMU has exited, before the terminal is restored; may be NULL. */
    void (*end)(void *context);
    void *context;
};

/* Runs plan.argv in plan.cwd and remains its parent; signals_block() must have been called. A
 * signal asks the guest to power down, through plan.control_socket or plan.qmp_socket. A second
 * one, or the time limit, makes QEMU quit (the first one does if plan.quits); a third, or the next
 * limit, kills it. Restores the terminal.
 *
 * With a handler (which may be NULL) that takes signals, the guest is not asked to power down,
 * since it runs nothing that would react. A machine that loses one of `helpers` (NULL: there are
 * none) is ended in the same way, and STATUS_IO replaces a QEMU status of 0.
 *
 * Returns QEMU's exit status (128 + N if signal N killed it), or a negative errno with the reason
 * if QEMU could not be started. Returns -ETIMEDOUT, with STATUS_TIMED_OUT and the last that the
 * guest did, if limits.deadline passed: then the guest is asked to end, or the handler gets
 * SIGTERM, and QEMU quits DEADLINE_GRACE later; at once before stage 2. Returns -ECANCELED if the
 * guest's init reported that the last boot failed; the error's status is then QEMU's or, if that is
 * 0, STATUS_BOOT_FAILED. */
int supervise(const struct plan *plan, const struct supervise_limits *limits,
              struct helper_list *helpers, const struct supervise_handler *handler,
              struct error *e);
