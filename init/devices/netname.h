/* SPDX-License-Identifier: MIT */
/* Names of network interfaces: vm.ifname=. A system with udev in its initrd names them by rules. */
#pragma once

#include "common/params.h"
#include "init/devices/hotplug.h"

/* Names the interfaces, waiting a moment for those that are not there yet. Logs what it cannot
 * name: no boot fails for a name. */
void netname_apply(const struct ifname_list *ifnames, struct hotplug *hotplug);
