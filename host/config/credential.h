/* SPDX-License-Identifier: MIT */
/* Credentials that the guest's systemd gets from the host: virtualisation.credentials. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

/* The texts belong to the JSON value. In a configuration without problems either `source` or `text`
 * is NULL, or both if it is the key. */
struct credential {
    const char *name;
    const char *source; /* the file, as written: variables and quotes are not expanded yet */
    const char *text;
    bool ssh_key; /* the public key of the user who runs run-vm (sshkey.h) */
    bool smbios;  /* an SMBIOS string; otherwise a file of fw_cfg */
};

struct credentials {
    struct credential *items;
    size_t count;
};

/* Decodes the value of virtualisation.credentials. */
void credential_decode(struct credentials *credentials, json_t *value);

/* Adds run-vm's key for the guest's root, unless root has another one. */
void credential_add_ssh(struct credentials *credentials, bool smbios);

/* True if a credential is an SMBIOS string, or one is a file of fw_cfg. */
bool credential_use(const struct credentials *credentials, bool smbios);

void credential_free(struct credentials *credentials);
