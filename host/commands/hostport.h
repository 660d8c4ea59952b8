/* SPDX-License-Identifier: MIT */
/* Free ports of the host, chosen for forwardings whose host.port is "auto". */
#pragma once

#include <netinet/in.h>
#include <stdint.h>

#include "base/error.h"
#include "host/config/portforward.h"

/* Chooses a free TCP port of an address of the host, and holds it until run-vm ends. It is bound
 * but does not listen, with SO_REUSEADDR: so QEMU, which sets that too, can listen there, while the
 * kernel gives the port to nobody who asks for a free one. Returns 0, or a negative errno with the
 * message. */
int hostport_hold(struct in_addr address, uint16_t *port, struct error *e);

/* Gives each forwarding that wants one a free port, and says which. Returns 0, or a negative errno
 * with the message. */
int hostport_choose(struct port_forwards *forwards, struct error *e);
