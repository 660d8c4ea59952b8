/* SPDX-License-Identifier: MIT */
/* The tags of the shares that the host offers. */
#pragma once

/* Lists the tags of the 9p or virtiofs shares for a message: "\"a\", \"b\"", "none", or that the
 * kernel does not list them. The caller frees; NULL for another type of filesystem. */
char *sharetags_describe(const char *fstype);
