/* SPDX-License-Identifier: MIT */
/* Owners of files in the tree of --root-dir, as the guest sees them: QEMU runs in a user namespace
 * in which the owner of the tree is root. */
#pragma once

#include "base/error.h"
#include "host/plan/plan.h"

/* Sets plan->identities as --root-dir-owner asks. Where user namespaces are forbidden prints a line
 * and leaves the owners as they are. Returns 0, or a negative errno with the message if the owner
 * has to become root, and cannot. */
int treeowner_choose(struct plan *plan, struct error *e);
