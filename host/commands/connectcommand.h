/* SPDX-License-Identifier: MIT */
/* `run-vm --connect URI`: a libvirt, here or on another host, starts the machine. */
#pragma once

#include "host/commands/runoptions.h"

/* Makes and sends the files, defines the machines, starts them, and shows the console of one.
 * Returns the exit status; run-vm(1) describes it. */
int connectcommand_run(struct run_options *options);
