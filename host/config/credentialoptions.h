/* SPDX-License-Identifier: MIT */
/* The type of virtualisation.credentials, and its checks. */
#pragma once

#include <jansson.h>

#include "host/config/option.h"
#include "host/config/types.h"

extern const struct type type_credentials;

/* The default of mechanism; returns a new reference. */
json_t *credentialoptions_mechanism(const struct scope *scope);

/* Checks and decodes the value into config.credentials. */
void credentialoptions_decode(struct config *config, json_t *value);
