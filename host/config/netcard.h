/* SPDX-License-Identifier: MIT */
/* The guest's network cards on virtual networks: virtualisation.allInterfaces, decoded. */
#pragma once

#include <stddef.h>

struct netcard {
    const char *name;     /* in the guest; belongs to the JSON value */
    unsigned int network; /* the virtual network */
};

struct netcards {
    struct netcard *items; /* in the order of the cards */
    size_t count;
};

void netcard_free(struct netcards *cards);
