/* SPDX-License-Identifier: MIT */
/* The hash that Nix knows a store path by: SHA-256 of its Nix archive (NAR). */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/sha256.h"

/* Reads the file, directory or symlink at `path` with all below it; gives its archive's hash and
 * its size in bytes. Returns 0 or a negative errno with the name of what could not be read. */
int nar_hash(const char *path, uint8_t hash[SHA256_BYTES], uint64_t *size, struct error *e);
