/* SPDX-License-Identifier: MIT */
#include "tools/tables/template.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

static void copy_line(const char *line, const struct template_table *tables, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (streq(tables[i].line, line)) {
            tables[i].print();
            return;
        }
    (void)fputs(line, stdout);
}

int template_main(int argc, char **argv, const char *name, const struct template_table *tables,
                  size_t count)
{
    FILE *template CLEANUP_FCLOSE = argc == 2 ? fopen(argv[1], "re") : NULL;
    char *line CLEANUP_FREE = NULL;
    size_t size = 0;

    if (!template) {
        (void)fprintf(stderr, "%s: %s\n", name, argc == 2 ? strerror(errno) : "expected TEMPLATE");
        return 1;
    }
    while (getline(&line, &size, template) > 0)
        copy_line(line, tables, count);
    return ferror(template) || fflush(stdout) ? 1 : 0;
}
