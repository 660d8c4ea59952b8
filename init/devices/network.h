/* SPDX-License-Identifier: MIT */
/* Configures the network of a guest whose stage 2 has no program that would. */
#pragma once

#include "common/params.h"
#include "init/devices/hotplug.h"

/* Sets the loopback interface up. */
void network_start_loopback(void);

/* Gives the first network card, which must be down, another hardware address, waiting briefly for
 * the card to appear; with a `hotplug` of NULL, for a machine that need not have one, only if it is
 * there. Errors are logged. */
void network_set_mac(const unsigned char mac[6], const struct ifname_list *virtual,
                     struct hotplug *hotplug);

/* Sets the first network card up with the address and the route of `spec`, waiting briefly for the
 * card to appear. Skips the cards of `virtual`, which are on networks of their own, and leaves a
 * card that has an address already as it is. Errors are logged. */
void network_configure(const struct netspec *spec, const struct ifname_list *virtual,
                       struct hotplug *hotplug);
