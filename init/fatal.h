/* SPDX-License-Identifier: MIT */
/* What happens when the boot cannot go on: the one path for every fatal error. */
#pragma once

#include <stdbool.h>

#include "common/params.h"

/* What the user asked for; before the first call: prompt without a shell. */
void fatal_configure(enum on_fail action, bool allow_shell);

/* Who else is told the reason of a fatal error, before anything is done about it. */
typedef void fatal_report(const char *reason);
void fatal_tell(fatal_report *report);

/* Puts `reason` on every console and into the kernel log, waits until it is sent, and does what
 * vm.onfail= says. Returns only where the user at the prompt chose to go on. */
void fatal(const char *reason);

/* The same for when memory has run out: allocates none, and never asks or returns. */
_Noreturn void fatal_without_memory(const char *reason);

/* The prompt by itself, with a shell where the initrd has one: boot.debug1 and its like. */
void fatal_stop_for_debugging(const char *where);

/* Switches the machine off, as vm.onfail=poweroff does, without an error. */
_Noreturn void fatal_power_off(void);
