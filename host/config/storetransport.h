/* SPDX-License-Identifier: MIT */
/* The transport of the share of the host's store: runVm.storeTransport. */
#pragma once

#include "host/config/config.h"

/* Chooses the transport of the store's share, "9p" or "virtiofs". `*reason` receives why, if
 * run-vm was to choose ("auto"), and is otherwise untouched; the caller frees. */
const char *storetransport_choose(const struct config *config, char **reason);
