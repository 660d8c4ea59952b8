/* SPDX-License-Identifier: MIT */
/* The signature that the kernel's build appends to a module (include/linux/module_signature.h). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* True if the bytes end with a signature. */
bool modulesign_is_signed(const char *data, size_t size);

/* Returns the name of the signature's hash in the kernel's crypto API ("sha256"), or NULL if the
 * module is not signed or the hash is unknown. */
const char *modulesign_hash(const char *data, size_t size);

/* Does the same for a module's file, which may be compressed. */
const char *modulesign_hash_of_file(const char *file);
