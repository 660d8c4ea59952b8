/* SPDX-License-Identifier: MIT */
/* A session with the host: receives a command, connects its streams to the host's, reaps orphaned
 * processes, and reports the command's exit status. The protocol is in common/frame.h. */
#pragma once

#include <stdbool.h>

#include "base/error.h"

struct session_options {
    const char *system;           /* see struct command; NULL: none */
    bool offered;                 /* the session begins with a token (FRAME_SESSION) */
    int console;                  /* whose size an offered session may set; -1: none */
    void (*kill_all)(int number); /* sends a signal to all processes of the session */
};

/* Opens the descriptor that reports children which have exited, and SIGTERM. Returns it, or a
 * negative errno with the reason. */
int session_open_signals(struct error *e);

/* Serves the host on `port`, a non-blocking descriptor, until the host has hung up; then no end of
 * a stream is open any more, and the processes that are left are the caller's to kill. Takes the
 * exit status of all children. */
void session_serve(int port, int signals, const struct session_options *options);
