/* SPDX-License-Identifier: MIT */
#include "host/plan/variables.h"

#include "base/text.h"

void variables_set(struct variables *variables, const char *name, const char *value)
{
    strv_push(&variables->names, name);
    strv_push(&variables->values, value);
}

/* The value in NAME=VALUE, or NULL for another name. Most names differ in the first byte: a start
 * looks twenty times through an environment. */
static const char *value_in(const char *entry, const char *name)
{
    while (*name && *entry == *name) {
        entry++;
        name++;
    }
    return !*name && *entry == '=' ? entry + 1 : NULL;
}

const char *variables_get(const struct variables *variables, const char *name)
{
    for (size_t i = variables->names.count; i-- > 0;)
        if (streq(variables->names.items[i], name))
            return variables->values.items[i];
    for (char *const *entry = variables->environment; entry && *entry; entry++) {
        const char *value = value_in(*entry, name);

        if (value)
            return value;
    }
    return NULL;
}

const char *variables_nonempty(const struct variables *variables, const char *name)
{
    const char *value = variables_get(variables, name);

    return value && *value ? value : NULL;
}

static const char *lookup(const void *context, const char *name)
{
    return variables_get(context, name);
}

struct expand_variables variables_for_expansion(const struct variables *variables)
{
    return (struct expand_variables){.lookup = lookup, .context = variables};
}

void variables_free(struct variables *variables)
{
    strv_free(&variables->names);
    strv_free(&variables->values);
}
