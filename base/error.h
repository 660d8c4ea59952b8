/* SPDX-License-Identifier: MIT */
/* An error: the name of the thing, what was wrong with it and what to do, gathered on its way up.
 *
 * A function that can fail for a reason a user must read takes a `struct error *` last and returns
 * 0 or a negative errno. Where it fails it calls error_set() or error_errno(); a caller that knows
 * more calls error_context() with what it was doing. Every function here accepts NULL for an error
 * that nobody wants to read, and returns the code so that a call can be the operand of `return`. */
#pragma once

#include "base/cleanup.h"

struct error {
    char *message; /* owned; NULL when there was no error */
    int status;    /* exit status the program should end with; 0: its default */
};

/* struct error e CLEANUP_ERROR = {0}; */
#define CLEANUP_ERROR CLEANUP(error_free)

/* Sets the message, replacing an earlier one. Returns `code`, a negative errno. */
int error_set(struct error *e, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Sets the message, followed by ": " and the text of `number`, a positive errno. Returns
 * -number. */
int error_errno(struct error *e, int number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "CONTEXT: " before the message. Returns `code`. */
int error_context(struct error *e, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Sets the exit status that this error calls for. Returns `code`. */
int error_status(struct error *e, int code, int status);

/* Frees the message; the error can be used again. */
void error_free(struct error *e);
