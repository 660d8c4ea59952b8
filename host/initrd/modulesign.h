/* SPDX-License-Identifier: MIT */
/* The signature that the kernel's build appends to a module (include/linux/module_signature.h). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Does a signature end these bytes? */
bool modulesign_is_signed(const char *data, size_t size);

/* The hash that the signature is made of, as the kernel's cryptography calls it: "sha256". NULL:
 * not signed, or by no hash that is known. */
const char *modulesign_hash(const char *data, size_t size);

/* The same for a module's file, which may be compressed. */
const char *modulesign_hash_of_file(const char *file);
