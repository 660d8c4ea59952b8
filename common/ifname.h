/* SPDX-License-Identifier: MIT */
/* Values of vm.ifname=: NAME:ADDRESS, the syntax of dracut's ifname=. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define IFNAME_ADDRESS_BYTES 6

struct ifname {
    char *name;                            /* that the interface gets */
    uint8_t address[IFNAME_ADDRESS_BYTES]; /* of its card, by which it is found */
};

/* True for a name that the kernel accepts (dev_valid_name()). */
bool ifname_is_valid(const char *name);

/* Reads six bytes in hexadecimal, separated by colons. False if the text is anything else. */
bool ifname_parse_address(uint8_t *address, const char *text);

/* Parse: 0, or -EINVAL with the reason; on error nothing is left to free.
 * Format: the text that parses to the same; the caller frees. */
int ifname_parse(struct ifname *ifname, const char *text, struct error *e);
char *ifname_format(const struct ifname *ifname);
void ifname_free(struct ifname *ifname);
