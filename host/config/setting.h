/* SPDX-License-Identifier: MIT */
/* Settings on the command line: -o OPTION.PATH=VALUE. */
#pragma once

#include "base/error.h"
#include "host/config/config.h"

/* A value of an option, made from an argument of the command line. */
struct setting_value {
    char *option; /* its path; names with dots in it are quoted; NULL: `value` is an option tree */
    json_t *value;
};
#define CLEANUP_SETTING_VALUE CLEANUP(setting_free_value)
void setting_free_value(struct setting_value *value);

/* Takes the setting "OPTION.PATH=VALUE" as a source of its own. VALUE is JSON, or, for a string,
 * the text itself. It wins over files; for a list it appends. Returns 0, or -EINVAL with the
 * message: no such option, or a VALUE that is not JSON where it has to be. */
int setting_add(struct config *config, const char *setting, struct error *e);

/* The same, but everything else that sets the option wins, as over lib.mkDefault. */
int setting_add_default(struct config *config, const char *setting, struct error *e);

/* Does the same for an option of the command line that stands for a setting. Messages begin with
 * its name. */
int setting_add_as(struct config *config, const char *name, const char *setting, struct error *e);

/* Takes a value that has been made from an argument of the option `name`. */
int setting_add_value(struct config *config, const char *name, const struct setting_value *value,
                      struct error *e);
