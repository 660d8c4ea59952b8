/* SPDX-License-Identifier: MIT */
/* The hash that Nix registers for a store path: SHA-256 of its Nix archive (NAR). */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/sha256.h"

/* Reads the file, directory or symlink at `path` with everything below it, and sets `hash` and
 * *size (bytes) of its archive. Returns 0, or a negative errno with a message that names the file
 * that cannot be read. */
int nar_hash(const char *path, uint8_t hash[SHA256_BYTES], uint64_t *size, struct error *e);
