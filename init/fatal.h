/* SPDX-License-Identifier: MIT */
/* Ends a boot that cannot continue: the only path of fatal errors. */
#pragma once

#include <stdbool.h>

#include "common/params.h"

/* Sets what a fatal error does (vm.onfail=) and whether the prompt offers a shell. The defaults are
 * ON_FAIL_PROMPT and no shell. */
void fatal_configure(enum on_fail action, bool allow_shell);

/* Sets a function that reports the reason of a fatal error before fatal() acts on it; NULL: none.
 */
typedef void fatal_report(const char *reason);
void fatal_tell(fatal_report *report);

/* Writes `reason` to all consoles and the kernel log, waits until it is sent, and does what
 * vm.onfail= says. Returns only if the user at the prompt chooses to continue. */
void fatal(const char *reason);

/* The same when memory has run out: allocates none, and powers off instead of a prompt. */
_Noreturn void fatal_without_memory(const char *reason);

/* Shows the prompt, with a shell if the initrd has one: for boot.debug1 and similar parameters. */
void fatal_stop_for_debugging(const char *where);

/* Switches the machine off without an error. */
_Noreturn void fatal_power_off(void);
