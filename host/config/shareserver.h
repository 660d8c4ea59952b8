/* SPDX-License-Identifier: MIT */
/* virtiofsd, the program that serves a share over virtiofs. */
#pragma once

#include <stdbool.h>

#include "base/error.h"

/* Finds it: `given`, a path or a name on PATH (runVm.virtiofsd), or with NULL the first of those
 * that distributions install. One that serves root only is found by root only. The caller frees.
 * Returns NULL with a message that names what to install, and status 69, if there is none. */
char *shareserver_find(const char *given, bool is_root, struct error *e);

/* Sets the error of a program that is QEMU's own, and of a user who is not root. Returns a negative
 * errno. */
int shareserver_refuse_qemus(const char *program, struct error *e);
