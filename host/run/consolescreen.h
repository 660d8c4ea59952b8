/* SPDX-License-Identifier: MIT */
/* The user's terminal while it shows a guest's console: raw, and restored however run-vm ends. */
#pragma once

#include <stdbool.h>

#include "host/run/consolerelay.h"
#include "host/run/keeper.h"
#include "host/system/terminal.h"

struct consolescreen {
    bool keys; /* stdin is a terminal */
    struct terminal terminal;
    struct keeper keeper;
};

/* Saves the state of the terminal. signals_block() must have been called. */
void consolescreen_open(struct consolescreen *screen);

/* Makes the terminal raw. */
void consolescreen_enter(const struct consolescreen *screen);

/* Restores the terminal. */
void consolescreen_close(struct consolescreen *screen);
