/* SPDX-License-Identifier: MIT */
/* The network of a tree: whether its system configures one, and the tree's host name. */
#pragma once

#include <stdbool.h>

/* True if the system in the tree has a network manager that is enabled, or a configuration for one.
 * Only names are looked at, and no link is followed. */
bool treenetwork_is_managed(const char *tree);

/* Returns a host name made of the name of the tree's directory; the caller frees. */
char *treenetwork_host_name(const char *tree);
