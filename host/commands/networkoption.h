/* SPDX-License-Identifier: MIT */
/* --no-network. */
#pragma once

#include "base/error.h"
#include "host/config/setting.h"

/* Leaves out the network: the card and all options that are built in or configured. */
int networkoption_none(struct setting_value *value, const char *argument, struct error *e);
