/* SPDX-License-Identifier: MIT */
#include "host/config/types.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "host/config/size.h"

static bool is_path(const char *text)
{
    return text[0] == '/';
}

static bool is_nonempty(const char *text)
{
    return text[strspn(text, " \t\n")] != '\0';
}

static bool is_mount_point(const char *text)
{
    size_t length = strlen(text);

    return is_nonempty(text) && (length < 2 || text[length - 1] != '/');
}

/* Accepts a DNS label, with underscores too, or "". */
static bool is_host_name(const char *text)
{
    size_t length = strlen(text);

    if (!length)
        return true;
    for (const char *c = text; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '_' && *c != '-')
            return false;
    return length <= 63 && isalnum((unsigned char)text[0]) &&
           isalnum((unsigned char)text[length - 1]);
}

/* Accepts a non-empty text without white space outside double quotes. */
static bool is_kernel_parameter(const char *text)
{
    bool quoted = false;

    for (const char *c = text; *c; c++) {
        if (*c == '"')
            quoted = !quoted;
        else if (!quoted && isspace((unsigned char)*c))
            return false;
    }
    return *text && !quoted;
}

const struct type type_bool = {.kind = TYPE_BOOL, .name = "true or false"};
const struct type type_text = {.kind = TYPE_TEXT, .name = "string"};
const struct type type_path = {
    .kind = TYPE_TEXT, .name = "path (a string that begins with /)", .check = is_path};
const struct type type_nonempty = {
    .kind = TYPE_TEXT, .name = "non-empty string", .check = is_nonempty};
const struct type type_host_name = {
    .kind = TYPE_TEXT,
    .name = "host name (at most 63 letters, digits, - and _, no - or _ at either end), or \"\"",
    .check = is_host_name};
const struct type type_mount_point = {
    .kind = TYPE_TEXT, .name = "non-empty string without a / at its end", .check = is_mount_point};
const struct type type_kernel_parameter = {
    .kind = TYPE_TEXT,
    .name = "kernel parameter (no white space outside double quotes)",
    .check = is_kernel_parameter};
const struct type type_anything = {.kind = TYPE_ANYTHING, .name = "anything"};

const struct type type_texts = {
    .kind = TYPE_LIST, .name = "list of strings", .element = &type_text};
const struct type type_paths = {.kind = TYPE_LIST, .name = "list of paths", .element = &type_path};
const struct type type_nonempties = {
    .kind = TYPE_LIST, .name = "list of non-empty strings", .element = &type_nonempty};
const struct type type_mount_points = {
    .kind = TYPE_LIST, .name = "list of mount points", .element = &type_mount_point};
const struct type type_kernel_parameters = {
    .kind = TYPE_LIST, .name = "list of kernel parameters", .element = &type_kernel_parameter};
const struct type type_text_attrs = {
    .kind = TYPE_ATTRS, .name = "attribute set of strings", .element = &type_text};

const struct type type_null_or_text = {
    .kind = TYPE_NULL_OR, .name = "null or string", .element = &type_text};
const struct type type_null_or_path = {.kind = TYPE_NULL_OR,
                                       .name = "null or path (a string that begins with /)",
                                       .element = &type_path};
const struct type type_null_or_nonempty = {
    .kind = TYPE_NULL_OR, .name = "null or non-empty string", .element = &type_nonempty};

static bool is_choice(const struct type *type, const json_t *value)
{
    const char *text = json_string_value(value);

    for (size_t i = 0; text && type->choices[i]; i++)
        if (streq(type->choices[i], text))
            return true;
    return false;
}

static bool is_in_range(const struct type *type, json_int_t number)
{
    return number >= type->min && number <= type->max;
}

static bool is_size(const struct type *type, const json_t *value)
{
    uint64_t count;

    if (!json_is_string(value))
        return json_is_integer(value) && is_in_range(type, json_integer_value(value));
    return size_in_units(json_string_value(value), type->unit, &count) && count <= INT64_MAX &&
           is_in_range(type, (json_int_t)count);
}

bool type_accepts(const struct type *type, const json_t *value)
{
    switch (type->kind) {
    case TYPE_BOOL:
        return json_is_boolean(value);
    case TYPE_INTEGER:
        return json_is_integer(value) && is_in_range(type, json_integer_value(value));
    case TYPE_SIZE:
        return is_size(type, value);
    case TYPE_TEXT:
        return json_is_string(value) && (!type->check || type->check(json_string_value(value)));
    case TYPE_CHOICE:
        return is_choice(type, value);
    case TYPE_NULL_OR:
        return json_is_null(value) || type_accepts(type->element, value);
    case TYPE_EITHER:
        return type_accepts(type->element, value) || type_accepts(type->other, value);
    case TYPE_LIST:
        return json_is_array(value);
    case TYPE_ATTRS:
    case TYPE_SUBMODULE:
        return json_is_object(value);
    case TYPE_ANYTHING:
        break;
    }
    return true;
}

json_t *type_canonical(const struct type *type, json_t *value)
{
    uint64_t count = 0;

    if (type->kind == TYPE_EITHER)
        type = type_accepts(type->element, value) ? type->element : type->other;
    if (type->kind != TYPE_SIZE || !json_is_string(value) ||
        !size_in_units(json_string_value(value), type->unit, &count))
        return json_incref(value);
    return json_integer((json_int_t)count);
}

bool type_is_collection(const struct type *type)
{
    return type->kind == TYPE_LIST || type->kind == TYPE_ATTRS || type->kind == TYPE_SUBMODULE;
}
