/* SPDX-License-Identifier: MIT */
#include "host/plan/variables.h"

#include <string.h>

#include "base/text.h"

void variables_set(struct variables *variables, const char *name, const char *value)
{
    strv_push(&variables->names, name);
    strv_push(&variables->values, value);
}

const char *variables_get(const struct variables *variables, const char *name)
{
    for (size_t i = variables->names.count; i-- > 0;)
        if (streq(variables->names.items[i], name))
            return variables->values.items[i];
    size_t length = strlen(name);
    for (char *const *entry = variables->environment; entry && *entry; entry++)
        if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=')
            return *entry + length + 1;
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
