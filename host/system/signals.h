/* SPDX-License-Identifier: MIT */
/* The signals that ask run-vm to end. They are read from a descriptor instead of being handled
 * asynchronously, so that at no instant they leave a file unfinished or a terminal raw. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Blocks SIGHUP, SIGINT, SIGQUIT, SIGTERM, and others that would kill run-vm (SIGUSR1); ignores
 * SIGPIPE; resets SIGCHLD, since the kernel drops the exit status of children if the caller ignores
 * it. To be called once, before any file is made. */
void signals_block(void);

/* Ignores SIGXFSZ, so that a write past the caller's limit (ulimit -f) fails with EFBIG, which is
 * reported, instead of killing run-vm. */
void signals_report_size_limit(void);

/* Restores SIGPIPE and SIGXFSZ between (v)fork and exec; a program would inherit that they are
 * ignored. */
void signals_restore_in_child(void);

/* Returns a signalfd that is readable while one of the signals is pending; -1 if it cannot be
 * opened. SIGHUP is left out if the caller ignores it (nohup(1)). All callers share the descriptor,
 * which is closed on exec. It never becomes readable before signals_block(). */
int signals_fd(void);

/* Takes one pending signal. Returns its number; 0: none is pending. */
int signals_take(void);

/* The same for a caller to whom a second signal means more than the first. `last` is the time of
 * its last request, 0 before the first. Drops what comes within 200 ms after a request, from
 * whomever: timeout(1) sends its signal to run-vm and to the process group, a terminal that closes
 * and its shell send one each, a service manager sends SIGTERM and SIGHUP to each process. */
int signals_take_request(int64_t *last);

/* True if a signal was ever taken: run-vm has been asked to end. */
bool signals_taken(void);

/* Returns 0, or -ECANCELED if a signal was taken or is pending, with a message and, as the error's
 * status, 128 + N. To be called before and during long operations. */
int signals_check(struct error *e);

/* Sets `mask` to the one before signals_block(), for the programs that run-vm starts. */
void signals_original_mask(sigset_t *mask);

/* The same with SIGHUP, SIGINT, SIGQUIT and SIGTERM blocked, for a program that must survive a
 * signal to the process group: QEMU exits after the guest has powered down. */
void signals_blocked_mask(sigset_t *mask);
