/* SPDX-License-Identifier: MIT */
#include "host/config/credential.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/text.h"
#include "host/config/value.h"

void credential_decode(struct credentials *credentials, json_t *value)
{
    const char *name;
    json_t *entry;

    json_object_foreach (value, name, entry) {
        const char *mechanism = value_text(entry, "mechanism");

        ARRAY_PUSH(credentials->items, credentials->count,
                   (struct credential){.name = name,
                                       .source = value_text(entry, "source"),
                                       .text = value_text(entry, "text"),
                                       .smbios = mechanism && streq(mechanism, "smbios")});
    }
}

void credential_add_ssh(struct credentials *credentials, bool smbios)
{
    /* systemd writes it to ~root/.ssh/authorized_keys (tmpfiles.d/provision.conf) */
    static const char name[] = "ssh.authorized_keys.root";

    for (size_t i = 0; i < credentials->count; i++)
        if (streq(credentials->items[i].name, name))
            return;
    ARRAY_PUSH(credentials->items, credentials->count,
               (struct credential){.name = name, .ssh_key = true, .smbios = smbios});
}

bool credential_use(const struct credentials *credentials, bool smbios)
{
    for (size_t i = 0; i < credentials->count; i++)
        if (credentials->items[i].smbios == smbios)
            return true;
    return false;
}

void credential_free(struct credentials *credentials)
{
    free(credentials->items);
    *credentials = (struct credentials){0};
}
