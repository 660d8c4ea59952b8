/* SPDX-License-Identifier: MIT */
/* Reads JSON values, whose types have been checked. */
#pragma once

#include <stddef.h>

#include <jansson.h>

#include "base/strv.h"

/* The string under `key`, which belongs to the object; NULL where there is none. */
const char *value_text(const json_t *object, const char *key);

/* Appends copies of the strings of an array. */
void value_texts(struct strv *list, const json_t *array);

/* The keys of an object in bytewise order; they belong to the object, the caller frees the array.
 */
const char **value_keys(json_t *object, size_t *count);
