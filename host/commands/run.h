/* SPDX-License-Identifier: MIT */
/* `run-vm run`, the default command: configuration -> plan -> files -> QEMU -> exit status. */
#pragma once

/* Runs the machine. Takes a struct run_options; returns the exit status. */
int run_command(void *options);

/* Runs the machine of the program run-NAME-vm, which `argv` has called. Returns the exit status. */
int run_as_runner(char *const *argv);
