/* SPDX-License-Identifier: MIT */
/* Types of options: the values that an option accepts, and how messages name them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct option;

enum type_kind {
    TYPE_BOOL,
    TYPE_INTEGER,   /* min to max */
    TYPE_SIZE,      /* the same in `unit`, or a text with a unit of its own, which becomes that */
    TYPE_TEXT,      /* accepted by `check`, if there is one */
    TYPE_CHOICE,    /* one of `choices` */
    TYPE_NULL_OR,   /* null, or an `element` */
    TYPE_EITHER,    /* an `element`, or an `other` */
    TYPE_LIST,      /* of `element`; definitions are appended */
    TYPE_ATTRS,     /* names to `element`; definitions are merged name by name */
    TYPE_SUBMODULE, /* `options`, each merged by its own type */
    TYPE_ANYTHING,
};

struct type {
    enum type_kind kind;
    const char *name; /* "true or false": for messages, after "expected" */
    json_int_t min, max;
    uint64_t unit; /* in bytes */
    bool (*check)(const char *text);
    const char *const *choices; /* terminated by NULL */
    const struct type *element, *other;
    const struct option *options;
    size_t option_count;
};

extern const struct type type_bool, type_text, type_path, type_nonempty, type_host_name,
    type_mount_point, type_kernel_parameter, type_anything;
extern const struct type type_texts, type_paths, type_nonempties, type_mount_points,
    type_kernel_parameters, type_text_attrs;
extern const struct type type_null_or_text, type_null_or_path, type_null_or_nonempty;

/* True if the value is of the type. Elements of lists and sets are not checked. */
bool type_accepts(const struct type *type, const json_t *value);

/* A value that the type accepts, in the one form that all of its spellings have: a size as a number
 * of its units. Returns a new reference. */
json_t *type_canonical(const struct type *type, json_t *value);

/* True if values of the type are merged by parts rather than compared. */
bool type_is_collection(const struct type *type);
