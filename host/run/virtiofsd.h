/* SPDX-License-Identifier: MIT */
/* Runs the servers of shares on virtiofs: one virtiofsd for each, from before QEMU's start until
 * after its exit. */
#pragma once

#include "base/error.h"
#include "host/plan/plan.h"
#include "host/run/helpers.h"

/* Starts plan.servers, each on a socket that already listens, so that QEMU can connect at once. The
 * server of a read-only share cannot write to it either: it runs in a mount namespace of its own,
 * and for an ordinary user in a user namespace as well. Returns 0, or a negative errno with the
 * reason. */
int virtiofsd_start(struct helper_list *helpers, const struct plan *plan, struct error *e);
