/* SPDX-License-Identifier: MIT */
/* The syntax of store paths and of SHA-256 in Nix's notations. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    STOREPATH_HASH_CHARS = 32, /* the hash part of a base name, before the '-' */
    STOREPATH_NAME_MAX = 211,  /* Nix's limit for what comes after the '-' */
    STOREPATH_SHA256_BYTES = 32,
};

/* What is wrong with `length` bytes at `base` as the base name of a store path ("HASH-NAME"), or
 * NULL: a string constant that goes behind "is not a store path: ". */
const char *storepath_base_fault(const char *base, size_t length);

/* The store path that `path` is or lies in, in the store `store_dir`; NULL if it lies in none. The
 * caller frees. */
char *storepath_of(const char *store_dir, const char *path);

/* Reads a SHA-256 in any notation that Nix reads: base 16, Nix's base 32 or base 64, with
 * "sha256:" before it or not, or the "sha256-" of subresource integrity with base 64. Returns NULL,
 * or what is wrong as a string constant. */
const char *storepath_parse_sha256(const char *text, size_t length,
                                   uint8_t hash[STOREPATH_SHA256_BYTES]);
