/* SPDX-License-Identifier: MIT */
/* The user's key for the guests of run-vm: made once, and never overwritten. */
#pragma once

#include "base/error.h"

/* Returns the path of the private key, ~/.local/share/run-vm/ssh/id_ed25519 or that in
 * $XDG_DATA_HOME, after making it if there is none; the public one is beside it, with ".pub". The
 * caller frees. NULL with the reason. */
char *sshkey_open(struct error *e);

/* Reads the public key, after making both if there are none. The caller frees; NULL with the
 * reason. */
char *sshkey_read_public(struct error *e);
