/* SPDX-License-Identifier: MIT */
/* vm.network=ADDRESS/PREFIX[,GATEWAY[,DNS]]: the address of the guest's first network card. */
#pragma once

#include <netinet/in.h>

#include "base/error.h"

struct netspec {
    struct in_addr address;
    unsigned int prefix;    /* its length; 0: there is no specification */
    struct in_addr gateway; /* INADDR_ANY: none */
    struct in_addr dns;
};

/* Parses a value of vm.network=. An item may be empty. Returns 0, or -EINVAL with the reason. */
int netspec_parse(struct netspec *spec, const char *text, struct error *e);

/* Returns the text that netspec_parse() reads; the caller frees. */
char *netspec_format(const struct netspec *spec);

/* Returns the netmask of a prefix. */
struct in_addr netspec_mask(unsigned int prefix);
