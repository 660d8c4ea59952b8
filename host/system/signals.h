/* SPDX-License-Identifier: MIT */
/* The signals that ask run-vm to end, taken from a descriptor instead of by handlers, so that
 * there is no instant at which one of them leaves something half done or a terminal broken. */
#pragma once

#include <signal.h>
#include <stdbool.h>

#include "base/error.h"

/* Blocks SIGHUP, SIGINT, SIGQUIT, SIGTERM, and others that would end run-vm on the spot (SIGUSR1);
 * ignores SIGPIPE; has the kernel keep the status of
 * children even where the caller has SIGCHLD ignored. Called once before anything is made. */
void signals_block(void);

/* A file that grows past the caller's limit (ulimit -f) fails with EFBIG, which is reported,
 * instead of ending run-vm. */
void signals_report_size_limit(void);

/* Undoes that SIGPIPE and SIGXFSZ are ignored, which a program would inherit: between (v)fork and
 * exec. */
void signals_restore_in_child(void);

/* A signalfd that becomes readable when one of them came, but SIGHUP only where the caller has it
 * not ignored. Shared by all callers and closed on exec; -1 where there can be none. Before
 * signals_block() it never becomes readable. */
int signals_fd(void);

/* Takes one of them that is waiting: its number, or 0. */
int signals_take(void);

/* Whether one has ever been taken: run-vm has been asked to end. */
bool signals_taken(void);

/* 0; or -ECANCELED where one has been taken or is waiting, with a message and, as the error's
 * status, 128 + N. For whatever takes long and is about to begin, or goes on. */
int signals_check(struct error *e);

/* The mask that programs we start shall have: the one before signals_block(). */
void signals_original_mask(sigset_t *mask);

/* The same with SIGHUP, SIGINT, SIGQUIT and SIGTERM blocked: for a QEMU that must not end by itself
 * when the whole process group is signalled, but when the guest has been powered down. */
void signals_blocked_mask(sigset_t *mask);
