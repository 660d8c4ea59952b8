/* SPDX-License-Identifier: MIT */
/* A database file that nobody is writing, so that it can be read without SQLite's locks. */
#pragma once

/* Returns a descriptor that keeps other processes out of the database `file` until it is closed, or
 * -1 if the file alone is not the database (a log holds changes that are not in it yet), another
 * process has it open, or it cannot be opened. */
int nixreadlock_take(const char *file);
