/* SPDX-License-Identifier: MIT */
/* The lock on the directory of --root-dir: either any number of machines read it, or one writes. */
#pragma once

#include "base/error.h"
#include "host/plan/plan.h"
#include "host/prepare/prepared.h"

/* Takes the lock, which `prepared` holds. Warns of another machine that writes what this one only
 * reads. For a tree to be written returns -EBUSY with the message if another machine uses it, and
 * -EINVAL if the host itself does: it is the host's root, or has run-vm's temporary directory or
 * the user's home in it. */
int treelock_take(struct prepared *prepared, const struct plan *plan, struct error *e);
