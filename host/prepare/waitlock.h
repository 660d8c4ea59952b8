/* SPDX-License-Identifier: MIT */
/* Locks that are waited for a moment. */
#pragma once

/* Takes a flock(2) of the kind `operation`. Returns 0, or a negative errno: -EWOULDBLOCK if another
 * process keeps the lock, or if run-vm has been asked to end meanwhile. */
int waitlock_take(int fd, int operation);
