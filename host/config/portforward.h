/* SPDX-License-Identifier: MIT */
/* Ports forwarded between host and guest: virtualisation.forwardPorts. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

/* The texts belong to the JSON value. */
struct port_forward {
    bool from_guest;           /* the guest connects to the host; otherwise the host to the guest */
    const char *protocol;      /* "tcp" or "udp" */
    const char *host_address;  /* "": all addresses of the host */
    const char *guest_address; /* "": the guest's own */
    int host_port;
    bool automatic; /* host_port is to be chosen */
    int guest_port;
};

struct port_forwards {
    struct port_forward *items;
    size_t count;
};

/* Decodes the value of virtualisation.forwardPorts. */
void port_forward_decode(struct port_forwards *forwards, const json_t *value);

void port_forward_free(struct port_forwards *forwards);
