/* SPDX-License-Identifier: MIT */
/* Settings on the command line: -o OPTION.PATH=VALUE. */
#pragma once

#include <jansson.h>

#include "base/error.h"

/* The option tree that says what the setting says. 0 and `tree`, a new reference; or -EINVAL with
 * the reason: no such option, or a VALUE that is not JSON where it has to be. */
int setting_parse(json_t **tree, const char *setting, struct error *e);
