/* SPDX-License-Identifier: MIT */
/* `run-vm prepare`: makes the files that a machine needs, for one who starts it by other means. */
#pragma once

/* Takes a struct run_options; returns the exit status. */
int preparecommand_run(void *options);
