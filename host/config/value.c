/* SPDX-License-Identifier: MIT */
#include "host/config/value.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/compare.h"
#include "host/system/message.h"

const char *value_text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

void value_texts(struct strv *list, const json_t *array)
{
    json_t *text;
    size_t i;

    json_array_foreach (array, i, text)
        if (json_is_string(text))
            strv_push(list, json_string_value(text));
}

const char **value_keys(json_t *object, size_t *count)
{
    const char **keys = xcalloc(json_object_size(object) + 1, sizeof *keys);
    const char *key;
    json_t *value;

    *count = 0;
    json_object_foreach (object, key, value)
        keys[(*count)++] = key;
    if (*count)
        qsort(keys, *count, sizeof *keys, compare_texts);
    return keys;
}

char *value_show(const json_t *value)
{
    char *json CLEANUP_FREE =
        json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(10));

    return json ? message_clip(json, MESSAGE_VALUE) : xstrdup("?");
}
