/* SPDX-License-Identifier: MIT */
/* The transports of shares that have none of their own: "9p" or "virtiofs". */
#pragma once

#include <stdbool.h>

#include "host/config/config.h"

/* The transport of all shares (runVm.transport). Where nobody has set it, machines that may start
 * from a snapshot (runVm.warmStart) have 9p: a snapshot cannot know a server of virtiofs. */
const char *sharetransport_usual(const struct config *config);

/* The transport of the share of the host's store (runVm.storeTransport). `*reason` receives why, if
 * run-vm was to choose ("auto"), and is otherwise untouched; the caller frees. */
const char *sharetransport_of_store(const struct config *config, char **reason);

/* True if the store may be an image in place of a share: run-vm is to choose ("auto"), and knows of
 * a closure. */
bool sharetransport_may_be_image(const struct config *config);

/* True if that is why it is one. */
bool sharetransport_is_image(const struct config *config);
