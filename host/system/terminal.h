/* SPDX-License-Identifier: MIT */
/* The user's terminal, which QEMU changes (raw mode, descriptors that do not block) and cannot
 * restore when it is killed. */
#pragma once

#include <stdbool.h>
#include <termios.h>

struct terminal {
    bool saved[3];
    int flags[3]; /* of the open files behind stdin, stdout and stderr */
    bool is_terminal;
    struct termios settings; /* of stdin */
};

/* The terminal behind `fd` once more, so that writing to it does not block, whoever else has it
 * open; the caller closes it. -1: it is no terminal, or not ours to open. */
int terminal_open_again(int fd);

/* Remembers how the terminal and the three standard descriptors are. */
void terminal_save(struct terminal *terminal);

/* Makes them that way again. */
void terminal_restore(const struct terminal *terminal);

/* The same by somebody who may be late: only while the terminal sends no signals for keys, as QEMU
 * and
 * --exec leave it. A shell that has it back already has settings of its own, which do. */
void terminal_restore_from_raw(const struct terminal *terminal);
