/* SPDX-License-Identifier: MIT */
/* Unfinished files and directories to be removed when memory runs out, since that exit does not
 * return to the code that made them. On every other path that code removes them itself. */
#pragma once

/* Remembers the path of a file or directory. It need not be forgotten once the file is renamed or
 * removed: such names are not used twice. */
void leftovers_note(const char *path);

/* Makes an exhausted memory end run-vm with a message, after removing all that was noted. */
void leftovers_end_out_of_memory(void);
