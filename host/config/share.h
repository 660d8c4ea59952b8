/* SPDX-License-Identifier: MIT */
/* Directories that the guest shares with the host: virtualisation.sharedDirectories, and their
 * settings in runVm.shares. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/strv.h"
#include "common/mountspec.h"

/* The tags of the shares that are built in. */
#define SHARE_STORE    "nix-store"
#define SHARE_EXCHANGE "xchg"
#define SHARE_SHARED   "shared"
#define SHARE_CERTS    "certs"

/* The texts belong to the JSON value; none is NULL in a configuration without problems. */
struct share {
    const char *tag;
    const char *source; /* as written: variables and quotes are not expanded yet */
    const char *target; /* the guest's mount point */
    enum share_transport transport;
    bool writable;
    const char *security_model; /* QEMU's, for 9p */
    struct strv options;        /* the user's mount options */
};

struct shares {
    struct share *items; /* by tag, bytewise */
    size_t count;
};

/* Decodes the value of virtualisation.sharedDirectories. `settings` is that of runVm.shares, and
 * `transport`, "9p" or "virtiofs", the one of shares without a setting; `store` that of the share
 * of the store. */
void share_decode(struct shares *shares, json_t *value, const json_t *settings,
                  const char *transport, const char *store);

/* The share with that tag, or NULL. */
const struct share *share_find(const struct shares *shares, const char *tag);

/* "9p" or "virtiofs", as mount(8) and the configuration name the transport. */
const char *share_transport_name(enum share_transport transport);

void share_free(struct shares *shares);
