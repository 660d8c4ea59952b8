/* SPDX-License-Identifier: MIT */
/* Defaults of the options of a share, whose name is the scope's: built-in shares have their own,
 * others those of the release. Each returns a new reference. */
#pragma once

#include <jansson.h>

#include "host/config/option.h"

json_t *sharedefaults_writable(const struct scope *scope);
json_t *sharedefaults_security_model(const struct scope *scope);
