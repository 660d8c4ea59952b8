/* SPDX-License-Identifier: MIT */
/* Templates: texts in which each line @NAME@ stands for a table that the code has. */
#pragma once

#include <stddef.h>

struct template_table {
    const char *line; /* "@NAME@\n" */
    void (*print)(void);
};

/* Prints the template that the only argument names, with the tables in it, as the whole work of a
 * program called `name`. Returns the exit status. */
int template_main(int argc, char **argv, const char *name, const struct template_table *tables,
                  size_t count);
