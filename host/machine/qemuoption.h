/* SPDX-License-Identifier: MIT */
/* Reads arguments of QEMU as QEMU does: tells options from their values, and finds items in lists.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/strv.h"

struct qemu_option {
    const char *name;  /* without its dash or dashes; "": the word is no option */
    const char *value; /* the next word, or the word that is no option; NULL: it takes no value */
};

/* Reads the option that begins at words[*at] and moves `*at` past it. False at the end. */
bool qemu_option_next(const struct strv *words, size_t *at, struct qemu_option *option);

/* Returns the value of the last option of this name: "" if it takes none, NULL if there is no such
 * option. */
const char *qemu_option_find(const struct strv *words, const char *name);

/* Returns the value of the last option of this name whose value has that item, or NULL. */
const char *qemu_option_find_with(const struct strv *words, const char *name, const char *item);

/* Finds the last value of `key` in `value`, a list such as "q35,accel=kvm", and its length. The key
 * "" finds the first item, if that has no key. NULL: the list has no such item. */
const char *qemu_option_item(const char *value, const char *key, size_t *length);

/* True if `value`, a list such as "socket,id=x,server=on", has that item. */
bool qemu_option_has_item(const char *value, const char *item);
