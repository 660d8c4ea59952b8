/* SPDX-License-Identifier: MIT */
/* The table of options: every option that a configuration may set. Errors, defaults, `-o` and the
 * manual page are made from it; to add an option is to add a row. */
#pragma once

#include "host/config/option.h"

/* In the order of dependence: an option's functions may read the rows above it. */
extern const struct option schema_options[];
extern const size_t schema_option_count;
