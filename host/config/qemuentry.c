/* SPDX-License-Identifier: MIT */
#include "host/config/qemuentry.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "host/config/value.h"

json_t *qemu_entry_built_in(const char *name)
{
    return json_pack("{s:s}", "builtin", name);
}

const char *qemu_entry_name(const json_t *value)
{
    return value_text(value, "builtin");
}

void qemu_entry_decode(struct qemu_entries *entries, const json_t *value)
{
    json_t *entry;
    size_t i;

    entries->items = xcalloc(json_array_size(value), sizeof *entries->items);
    json_array_foreach (value, i, entry) {
        const char *name = qemu_entry_name(entry);

        entries->items[entries->count++] =
            (struct qemu_entry){name != NULL, name ? name : json_string_value(entry)};
    }
}

void qemu_entry_free(struct qemu_entries *entries)
{
    free(entries->items);
    *entries = (struct qemu_entries){0};
}
