/* SPDX-License-Identifier: MIT */
/* What is half made, under names that nobody else has, for an end without a way back: memory has
 * run out. Every other end removes what it made where it made it. */
#pragma once

/* Remembers a file or directory by its path. One that is renamed or removed need not be forgotten:
 * its name is not used again. */
void leftovers_note(const char *path);

/* From now on memory that runs out is said, and ends run-vm without leaving what was noted. */
void leftovers_end_out_of_memory(void);
