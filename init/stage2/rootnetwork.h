/* SPDX-License-Identifier: MIT */
/* The host name and the name server in the files of the root, which has become "/". */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>

/* Sets the host name: that of the root's /etc/hostname, or vm.hostname. */
void rootnetwork_set_name(const char *name);

/* Has the root's resolver ask the name server `dns`. A file of /run is written; so is one of the
 * root if `replaceable`, which is true for an overlay that does not outlive the guest. Any other is
 * covered by a mount, so that the root stays as it is. */
void rootnetwork_set_dns(struct in_addr dns, bool replaceable);
