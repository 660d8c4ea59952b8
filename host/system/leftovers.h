/* SPDX-License-Identifier: MIT */
/* Half-made files and directories, under names that nobody else has, to be removed when memory runs
 * out: that exit does not return to the code that made them. Every other end removes what it made
 * where it made it. */
#pragma once

/* Remembers a file or directory by its path. One that is renamed or removed need not be forgotten:
 * its name is not used again. */
void leftovers_note(const char *path);

/* From now on memory that runs out is said, and ends run-vm without leaving what was noted. */
void leftovers_end_out_of_memory(void);
