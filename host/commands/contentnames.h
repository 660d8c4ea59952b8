/* SPDX-License-Identifier: MIT */
/* Names of a prepared machine's kernel, initrd and store image: those of their contents, such as
 * kernel-DIGEST, so that preparing the machine again changes no file that a domain names. Beside
 * them, kernel, initrd and store.img are links to those of the last time. */
#pragma once

#include "base/error.h"
#include "host/plan/plan.h"

/* Gives those files of a plan that have just been made their names. Returns 0, or a negative errno
 * with the reason: some may have their names then, and the others are whole. */
int contentnames_give(struct plan *plan, struct error *e);

/* Puts the names into the plan's model, of those files that have been given one. */
void contentnames_use(struct plan *plan);
