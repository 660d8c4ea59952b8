/* SPDX-License-Identifier: MIT */
#include "host/plan/dialect.h"

#include <stddef.h>

#include "base/cleanup.h"
#include "base/text.h"

static const struct dialect dialects[] = {
    {
        .initrd = "builtin",
        .own_init = true,
        .undo = true,
        .checks_host = true,
        .unpacks_kernel = true,
        .gives_way = true,
        .suits_tcg = true,
        .named_ports = true,
        .bridges = true,
        .snapshots = true,
        .packs = true,
        .tells_raw = true,
        .always_console = true,
        .guest_agent = true,
        .resolution = true,
    },
    {.initrd = "system"},
};

const struct dialect *dialect_find(const char *initrd)
{
    for (size_t i = 0; i < ELEMENTS(dialects); i++)
        if (streq(dialects[i].initrd, initrd))
            return &dialects[i];
    return NULL;
}
