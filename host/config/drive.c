/* SPDX-License-Identifier: MIT */
#include "host/config/drive.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/config/value.h"

static struct drive_options decode_options(json_t *value)
{
    struct drive_options options = {.items =
                                        xcalloc(json_object_size(value), sizeof *options.items)};
    const char *key;
    json_t *text;

    json_object_foreach (value, key, text)
        options.items[options.count++] = (struct drive_option){key, json_string_value(text)};
    return options;
}

void drive_decode(struct drives *drives, const json_t *value)
{
    json_t *drive;
    size_t i;

    drives->items = xcalloc(json_array_size(value), sizeof *drives->items);
    json_array_foreach (value, i, drive)
        drives->items[drives->count++] = (struct drive){
            .name = value_text(drive, "name"),
            .file = value_text(drive, "file"),
            .backend = decode_options(json_object_get(drive, "driveExtraOpts")),
            .device = decode_options(json_object_get(drive, "deviceExtraOpts")),
        };
}

const char *drive_option_find(const struct drive_options *options, const char *key)
{
    for (size_t i = 0; i < options->count; i++)
        if (streq(options->items[i].key, key))
            return options->items[i].value;
    return NULL;
}

void drive_free(struct drives *drives)
{
    for (size_t i = 0; i < drives->count; i++) {
        free(drives->items[i].backend.items);
        free(drives->items[i].device.items);
    }
    free(drives->items);
    *drives = (struct drives){0};
}
