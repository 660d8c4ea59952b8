/* SPDX-License-Identifier: MIT */
/* The order of a registration: sorted as Nix sorts, and free of cycles. */
#pragma once

#include "init/nix/registration.h"

/* Brings names, entries and references as they were read into the order that registration.h
 * promises; of entries for the same path only the one that its name points to stays. `skip` is how
 * many bytes all paths have in common at their start. */
void registration_order(struct registration *r, size_t skip);

/* Returns 0, or -EBADMSG and a message with the file, a line and two paths of the cycle. That a
 * path refers to itself is no cycle. */
int registration_check_acyclic(const struct registration *r, struct error *e);
