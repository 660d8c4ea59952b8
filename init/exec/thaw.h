/* SPDX-License-Identifier: MIT */
/* vm.warm: the moment at which the machine can be saved, and continued many times. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "common/frame.h"

/* Waits, at most `timeout` seconds for the port and then without a limit, until the host begins the
 * run. Then makes this guest different from others that continue from the same state: seeds the
 * kernel's random numbers anew, and sets the clock. The network card's address is the caller's to
 * set.
 *
 * A guest that cannot be continued twice tells the host: because of `obstacle` (NULL: none), or
 * because its kernel cannot be seeded. It then has only this one run, and needs no seed.
 *
 * Returns 0, or a negative errno with the reason: the run must not go on. */
int thaw_wait(uint64_t timeout, const char *obstacle, struct frame_thaw *thaw, struct error *e);
