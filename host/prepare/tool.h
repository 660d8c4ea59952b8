/* SPDX-License-Identifier: MIT */
/* Programs that make disk images. Their output is dropped, their messages are not. */
#pragma once

#include "base/error.h"
#include "base/strv.h"

/* Runs a program; `environment` is added to run-vm's, NULL: nothing. Returns 0, or a negative errno
 * with the reason. */
int tool_run(const struct strv *argv, const struct strv *environment, struct error *e);

/* Does the same for a program whose arguments are all known. */
int tool_run_words(const char *const *words, size_t count, struct error *e);

/* Copies the raw image into a new qcow2 image. */
int tool_to_qcow2(const char *qemu_img, const char *raw, const char *image, struct error *e);
