/* SPDX-License-Identifier: MIT */
/* The guest's network cards on virtual networks, as NixOS's test framework has them:
 * virtualisation.vlans, interfaces and allInterfaces. */
#pragma once

#include <jansson.h>

#include "host/config/option.h"

struct config;

/* The number of a virtual network, and an attribute set of interfaces. */
extern const struct type netinterface_network;
extern const struct type netinterface_type;

/* Default of vlans: [1], or [] if there are interfaces. A new reference. */
json_t *netinterface_vlans(const struct scope *scope);

/* Default of allInterfaces: those of vlans, called eth1, eth2 ..., and of interfaces. A new
 * reference. */
json_t *netinterface_all(const struct scope *scope);

/* Decodes allInterfaces into config.cards. */
void netinterface_decode(struct config *config, json_t *value);
