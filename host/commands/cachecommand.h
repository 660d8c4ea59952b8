/* SPDX-License-Identifier: MIT */
/* `run-vm cache`: what is cached, and its removal. */
#pragma once

/* The whole command, argv[0] being "cache"; the exit status. */
int cache_command(int argc, char **argv);
