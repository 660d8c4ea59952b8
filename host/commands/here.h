/* SPDX-License-Identifier: MIT */
/* --here: the caller's directory is at the same path in the guest. */
#pragma once

#include "base/error.h"
#include "host/config/config.h"
#include "host/plan/guestcommand.h"

/* Checks that a share of `directory` at the same path in the guest hides none of the guest's
 * system. Returns 0, or -EINVAL with the reason. */
int here_check(const char *directory, struct error *e);

/* Adds the share of the working directory, and has `command` run in it unless it names another
 * directory. Returns 0, or a negative errno with the message. */
int here_configure(struct config *config, struct guestcommand *command, struct error *e);
