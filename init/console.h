/* SPDX-License-Identifier: MIT */
/* The consoles and the kernel log: output of messages, input of the prompt. A console that is
 * missing, closed or stuck never stops a boot. */
#pragma once

#include "base/log.h"
#include "base/strv.h"

/* Opens the consoles in `names`, the values of console= ("ttyS0,115200n8"), or /dev/console if
 * there are none. Later messages go to all of them and to /dev/kmsg. */
void console_open(const struct strv *names);

/* The sink of base/log.h: writes each line of the message, with the prefix "run-vm: ", to the
 * consoles and the kernel log. There only errors and warnings have a level at which the kernel may
 * repeat them on its consoles. */
void console_log(enum log_level level, const char *message);

/* The same for an error of one line, without allocating memory. */
void console_log_plainly(const char *message);

/* Writes `text` to all consoles, without a prefix: for the prompt's menu. */
void console_print(const char *text);

/* Waits until the consoles have sent all output, at most two seconds for each. */
void console_drain(void);

/* Opens /dev/console for reading and writing, or else the last console that can be opened so.
 * Returns a descriptor, which the caller closes, or -1. */
int console_open_terminal(void);

/* Opens /dev/console, or else /dev/null, as descriptors 0 to 2. */
void console_become_standard(void);

/* Tells the kernel the size of the terminal behind the consoles, "ROWSxCOLUMNS". It lasts as long
 * as a process has the console open. Returns 0, or -EINVAL if that is no size. */
int console_set_size(const char *size);

/* Opens the consoles again: the end of a session hangs up its controlling terminal. */
void console_reopen(void);

/* Closes the consoles: later messages go to the kernel log only. */
void console_close(void);
