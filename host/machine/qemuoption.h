/* SPDX-License-Identifier: MIT */
/* QEMU's command line as QEMU reads it: which words are options, and which are their values. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/strv.h"

struct qemu_option {
    const char *name;  /* without its dash or dashes; "": a word that is no option */
    const char *value; /* the next word, or that word itself; NULL: it takes none */
};

/* Reads the option that begins at words[*at] and moves `*at` behind it. False at the end. */
bool qemu_option_next(const struct strv *words, size_t *at, struct qemu_option *option);

/* The value of the last option of this name; "" for one that takes none, NULL where there is no
 * such option. */
const char *qemu_option_find(const struct strv *words, const char *name);

/* The same of the last option of this name whose value has that item. */
const char *qemu_option_find_with(const struct strv *words, const char *name, const char *item);

/* Finds the value of KEY in VALUE, a list such as "q35,accel=kvm", and its length; of several the
 * last one counts. KEY "" is the first item, where it has no key. NULL: it is not there. */
const char *qemu_option_item(const char *value, const char *key, size_t *length);

/* Whether VALUE, a list such as "socket,id=x,server=on", has that item. */
bool qemu_option_has_item(const char *value, const char *item);
