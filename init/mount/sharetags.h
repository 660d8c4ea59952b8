/* SPDX-License-Identifier: MIT */
/* The shares that the host offers. */
#pragma once

/* The tags of the 9p or virtiofs shares there are, as far as the kernel tells: "\"a\", \"b\"", or
 * "none", or that it does not. The caller frees; NULL for another type of filesystem. */
char *sharetags_describe(const char *fstype);
