/* SPDX-License-Identifier: MIT */
/* Saves and restores the user's terminal. QEMU changes it (raw mode, non-blocking descriptors) and
 * cannot restore it if it is killed. */
#pragma once

#include <stdbool.h>
#include <termios.h>

struct terminal {
    bool saved[3];
    int flags[3]; /* of the open files behind stdin, stdout and stderr */
    bool is_terminal;
    struct termios settings; /* of stdin */
};

/* Reopens the terminal behind `fd` non-blocking, without an effect on its other users; the caller
 * closes it. Returns -1 if it is not a terminal or cannot be opened. */
int terminal_open_again(int fd);

/* Saves the state of the terminal and of the three standard descriptors. */
void terminal_save(struct terminal *terminal);

/* Makes the terminal behind stdin raw: every key is a byte. */
void terminal_make_raw(void);

/* Restores them. */
void terminal_restore(const struct terminal *terminal);

/* Restores them only if the terminal is still raw, as QEMU and --exec leave it; returns true then.
 * A shell that uses the terminal by now has set it up for itself, and must not be disturbed. */
bool terminal_restore_from_raw(const struct terminal *terminal);

/* Switches off what a guest's programs may have left switched on in the user's terminal: the
 * alternate screen, the mouse, bracketed paste, a hidden cursor, margins, colours. */
void terminal_end_modes(void);

/* The same but for what a shell's line editor switches on for itself: pasting, cursor keys, the
 * keypad. */
void terminal_end_modes_for_shell(void);

/* Ends a line that a guest's program has left unfinished. */
void terminal_end_line(void);
