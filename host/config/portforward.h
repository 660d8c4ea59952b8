/* SPDX-License-Identifier: MIT */
/* Ports forwarded between host and guest: virtualisation.forwardPorts. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

/* The port of the guest's sshd. */
#define PORT_FORWARD_SSH 22

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

/* Forwards a free port of the host, for the host itself, to the guest's sshd, unless another one
 * leads there. */
void port_forward_add_ssh(struct port_forwards *forwards);

void port_forward_free(struct port_forwards *forwards);
