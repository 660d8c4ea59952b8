/* SPDX-License-Identifier: MIT */
/* Configures the network of a guest whose stage 2 has no program that would. */
#pragma once

#include "common/params.h"
#include "init/devices/hotplug.h"

/* Sets the loopback interface up. */
void network_start_loopback(void);

/* Sets the first network card up with the address and the route of `spec`, waiting briefly for the
 * card to appear. Skips the cards of `virtual`, which are on networks of their own, and leaves a
 * card that has an address already as it is. Errors are logged. */
void network_configure(const struct netspec *spec, const struct ifname_list *virtual,
                       struct hotplug *hotplug);
