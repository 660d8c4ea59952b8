/* SPDX-License-Identifier: MIT */
/* QEMU, from its start to its end. */
#pragma once

#include "common/error.h"
#include "host/plan.h"

struct supervise_limits {
    int powerdown; /* milliseconds a guest has to power down */
    int quit;      /* milliseconds QEMU has to quit after that */
};

/* 60 s and 5 s. */
extern const struct supervise_limits supervise_default_limits;

/* Runs plan.argv in plan.cwd and stays its parent. SIGHUP, SIGINT and SIGTERM press the guest's
 * power button through plan.qmp_socket; a second one, or the time limit, makes QEMU quit; a third,
 * or the next limit, kills it. The terminal is afterwards as it was before.
 * Returns QEMU's exit status (128 + N when signal N killed it), or a negative errno with the
 * reason where QEMU could not be started. signals_block() must have been called. */
int supervise(const struct plan *plan, const struct supervise_limits *limits, struct error *e);
