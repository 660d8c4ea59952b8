/* SPDX-License-Identifier: MIT */
/* The syntax of store paths and of SHA-256 in Nix's notations. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    STOREPATH_HASH_CHARS = 32, /* the hash part of a base name, before the '-' */
    STOREPATH_NAME_MAX = 211,  /* Nix's limit for the part after the '-' */
    STOREPATH_SHA256_BYTES = 32,
};

/* Checks the base name of a store path ("HASH-NAME"), `length` bytes at `base`. Returns NULL if it
 * is valid, else the fault, a string constant to follow "is not a store path: ". */
const char *storepath_base_fault(const char *base, size_t length);

/* Returns the store path, of the store `store_dir`, that `path` is or is below; NULL if there is
 * none. The caller frees. */
char *storepath_of(const char *store_dir, const char *path);

/* Parses a SHA-256 in each notation that Nix reads: base 16, Nix's base 32 or base 64, each with or
 * without the prefix "sha256:", or base 64 with the prefix "sha256-" of subresource integrity.
 * Returns NULL if it is valid, else the fault as a string constant. */
const char *storepath_parse_sha256(const char *text, size_t length,
                                   uint8_t hash[STOREPATH_SHA256_BYTES]);
