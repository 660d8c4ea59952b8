/* SPDX-License-Identifier: MIT */
/* A domain of libvirt's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strv.h"
#include "host/remote/virsh.h"

/* Returns the first of `words`, or, if there is none, the name of the only domain that runs; the
 * caller frees. NULL with the reason. */
char *domain_choose(const struct virsh *virsh, const struct strv *words, struct error *e);

/* Starts a domain that is defined, and leaves it. Returns 0, or a negative errno with the reason.
 */
int domain_start(const struct virsh *virsh, const char *name, struct error *e);

/* Says how to come to a machine that runs, and how to stop it. */
void domain_tell(const struct virsh *virsh, const char *name);

/* Shows the console of a domain on run-vm's standard streams until it ends or is left; with `start`
 * it starts the domain. signals_block() must have been called. Returns the exit status: 0 if the
 * guest has powered down or the user has left, 1 if the machine has ended otherwise, 128 + N for a
 * signal, 69 after a message if libvirt does not answer. */
int domain_show_console(const struct virsh *virsh, const char *name, bool start);

enum domain_end {
    DOMAIN_POWERED_DOWN, /* by the guest */
    DOMAIN_ENDED,        /* otherwise */
    DOMAIN_RUNS,
};

/* Asks the guest to power down and waits so many seconds; then, with `kill`, ends the machine.
 * `end` says how that went. Returns 0, or a negative errno with the reason. */
int domain_stop(const struct virsh *virsh, const char *name, uint64_t seconds, bool kill,
                enum domain_end *end, struct error *e);
