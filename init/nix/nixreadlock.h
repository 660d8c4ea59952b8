/* SPDX-License-Identifier: MIT */
/* A lock that keeps other processes from writing a database, so that it can be read as immutable.
 */
#pragma once

/* Locks the database `file` until the returned descriptor is closed. Returns -1 if another process
 * has the database open, a log has changes that are not in the file yet, or the file cannot be
 * opened. */
int nixreadlock_take(const char *file);
