/* SPDX-License-Identifier: MIT */
/* The consoles and the kernel log: where messages go, and where the prompt reads from. A console
 * that is missing, closed or stuck never stops a boot. */
#pragma once

#include "base/log.h"
#include "base/strv.h"

/* Opens every console in `names`, the values of console= ("ttyS0,115200n8"); without any,
 * /dev/console. From then on messages go to all of them and to /dev/kmsg. */
void console_open(const struct strv *names);

/* The sink for log messages: each line with our prefix. On the consoles what log_set_level() lets
 * through; in the kernel log too, where only errors and warnings have a level that makes the
 * kernel repeat them on its consoles. */
void console_log(enum log_level level, const char *message);

/* The same for one line of an error, without allocating memory. */
void console_log_plainly(const char *message);

/* Puts `text` on every console as it is: the prompt's menu. */
void console_print(const char *text);

/* Waits until the consoles have sent what was written, for a second or two at most. */
void console_drain(void);

/* A descriptor of /dev/console for reading and writing (or of the last console that can be opened
 * so), which the caller closes; -1 when there is none. */
int console_open_terminal(void);

/* Makes /dev/console, or else /dev/null, descriptors 0 to 2. */
void console_become_standard(void);

/* Opens the consoles again: a session that had one as its terminal hangs it up when it ends. */
void console_reopen(void);

/* Closes the consoles: messages go to the kernel log only. */
void console_close(void);
