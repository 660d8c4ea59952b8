/* SPDX-License-Identifier: MIT */
/* What run-vm says on its standard error. */
#pragma once

#include "common/log.h"

/* For log_set_sink(): the message in a line of its own, behind the program's name. While nobody
 * reads standard error it waits, but not past a signal that asks run-vm to end: who sends one wants
 * the end more than the message. */
void message_print(enum log_level level, const char *message);
