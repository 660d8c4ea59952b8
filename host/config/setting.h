/* SPDX-License-Identifier: MIT */
/* Settings on the command line: -o OPTION.PATH=VALUE. */
#pragma once

#include "base/error.h"
#include "host/config/config.h"

/* Takes the setting "OPTION.PATH=VALUE" as a source of its own. VALUE is JSON, or, for a string,
 * the text itself. It wins over files; for a list it appends. Returns 0, or -EINVAL with the
 * message: no such option, or a VALUE that is not JSON where it has to be. */
int setting_add(struct config *config, const char *setting, struct error *e);
