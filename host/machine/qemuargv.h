/* SPDX-License-Identifier: MIT */
/* Writes the model of a machine as the arguments of QEMU. Nothing else writes QEMU's syntax;
 * qemuoption.h reads it. */
#pragma once

#include "base/strv.h"
#include "host/machine/model.h"

/* Appends the program and all of its arguments. */
void qemuargv_write(const struct model *model, struct strv *argv);

/* Replaces the kernel's parameters, `old`, in arguments that qemuargv_write() has written. */
void qemuargv_replace_parameters(struct strv *argv, const char *old, const char *parameters);

/* A forwarded port as an item of a user network, with a comma behind it; the caller frees. */
char *qemuargv_forward(const struct model_forward *forward);

/* The text with its commas doubled, as a value in a list of QEMU's options; the caller frees. */
char *qemuargv_escape(const char *text);
