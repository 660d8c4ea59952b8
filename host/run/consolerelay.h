/* SPDX-License-Identifier: MIT */
/* Passes bytes between the standard streams and a guest's console. */
#pragma once

#include <stdbool.h>

enum consolerelay_end {
    CONSOLERELAY_LEFT,      /* the user has typed Ctrl-], or nobody reads the output */
    CONSOLERELAY_HUNG_UP,   /* QEMU has closed the console */
    CONSOLERELAY_SIGNALLED, /* a signal of signals_block() has come */
};

/* Relays until one of the ends. `console`, a socket or the leading end of a pseudoterminal, is
 * non-blocking. With `keys` the standard input is a terminal, in raw mode; otherwise its end ends
 * nothing. SIGPIPE must be ignored (signals.h). */
enum consolerelay_end consolerelay_run(int console, bool keys);
