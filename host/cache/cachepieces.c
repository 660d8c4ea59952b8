/* SPDX-License-Identifier: MIT */
#include "host/cache/cachepieces.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/file.h"

void cachepieces_free(struct cachepieces *pieces)
{
    free(pieces->file);
    free(pieces->parts);
    *pieces = (struct cachepieces){0};
}

int cachepieces_read(struct cachepieces *pieces, int entry)
{
    char *text CLEANUP_FREE =
        file_read_at(entry, CACHEPIECES_NAME, O_NOFOLLOW, FILE_LIMIT, NULL, NULL);
    if (!text)
        return errno == ENOENT ? 0 : -errno;
    char *line = strchr(text, '\n');
    if (!line)
        return -EINVAL;
    pieces->file = xstrndup(text, (size_t)(line - text));
    for (char *end; *++line; line = end) {
        struct cachepieces_part part;
        part.base = strtoull(line, &end, 10);
        part.bytes = strtoull(end, &end, 10);
        if (*end != '\n')
            return -EINVAL;
        ARRAY_PUSH(pieces->parts, pieces->count, part);
    }
    return 0;
}

int cachepieces_write(const struct cachepieces *pieces, const char *entry, struct error *e)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        alloc_out_of_memory();
    (void)fprintf(out, "%s\n", pieces->file);
    for (size_t i = 0; i < pieces->count; i++)
        (void)fprintf(out, "%" PRIu64 " %" PRIu64 "\n", pieces->parts[i].base,
                      pieces->parts[i].bytes);
    (void)fclose(out);
    char *path CLEANUP_FREE = xasprintf("%s/" CACHEPIECES_NAME, entry);
    int r = file_create_at(AT_FDCWD, path, 0600, text, size, e);
    free(text);
    return r;
}
