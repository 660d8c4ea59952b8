/* SPDX-License-Identifier: MIT */
/* Runs a program that shows the guest on the terminal, which is restored however it ends. */
#pragma once

#include "base/error.h"
#include "base/strv.h"

/* Runs the program with run-vm's standard streams, passes signals on to it, and stops as it stops;
 * signals_block() must have been called. Returns its exit status, 128 + N if signal N ended it, or
 * a negative errno with the reason if it cannot be started. */
int foreground_run(const struct strv *argv, struct error *e);
