/* SPDX-License-Identifier: MIT */
#include "host/store/storepaths.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/text.h"
#include "host/store/closure.h"
#include "host/system/path.h"
#include "host/system/tree.h"

void storepaths_free(struct storepaths *paths)
{
    strv_free(&paths->paths);
    free(TAKE(paths->list));
}

static int parse_list(struct strv *paths, const char *file, struct error *e)
{
    size_t size = 0;
    char *text CLEANUP_FREE = file_read(file, FILE_LIMIT, &size, e);
    if (!text)
        return -EIO;
    struct strv lines CLEANUP_STRV = {0};
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));)
        if (*line)
            strv_push(&lines, line);
    if (lines.count == 0)
        return error_set(e, -EINVAL, "%s: there is no path in it", file);
    strv_sort(&lines);
    for (size_t i = 0; i < lines.count; i++)
        if (i == 0 || !streq(lines.items[i], lines.items[i - 1]))
            strv_push(paths, lines.items[i]);
    return 0;
}

/* Gets the paths of the closure from Nix. */
static int find_closure(struct storepaths *paths, const struct strv *roots, const char *fallback,
                        struct error *e)
{
    struct cache_entry entry;
    int r = closure_get(&entry, roots, paths->prefix, fallback, e);
    if (r < 0)
        return r;
    char *directory CLEANUP_FREE = entry.path;
    char *file CLEANUP_FREE = xasprintf("%s/" CLOSURE_PATHS, directory);
    r = parse_list(&paths->paths, file, e);
    paths->list = TAKE(file);
    if (entry.lock >= 0)
        (void)close(entry.lock);
    else
        (void)tree_remove(directory, NULL);
    return r;
}

int storepaths_read(struct storepaths *paths, const char *list, const struct strv *roots,
                    const char *prefix, const char *fallback, struct error *e)
{
    paths->prefix = prefix ? prefix : "";
    if (!list)
        return find_closure(paths, roots, fallback, e);
    paths->list = xstrdup(list);
    return parse_list(&paths->paths, list, e);
}

/* The size is the third line of each path. */
uint64_t storepaths_bytes(const struct storepaths *paths)
{
    const char *list = paths->list;
    const char *slash = strrchr(list, '/');
    char *file CLEANUP_FREE =
        xasprintf("%.*s" CLOSURE_REGISTRATION, slash ? (int)(slash - list) + 1 : 0, list);
    size_t size = 0;
    char *text CLEANUP_FREE = file_read(file, FILE_LIMIT, &size, NULL);
    uint64_t bytes = 0;
    for (char *rest = text; rest && *rest;) {
        const char *fields[5] = {NULL};
        for (size_t i = 0; i < ELEMENTS(fields) && rest; i++)
            fields[i] = strsep(&rest, "\n");
        if (!fields[4])
            return 0;
        bytes += strtoull(fields[2], NULL, 10);
        for (unsigned long left = strtoul(fields[4], NULL, 10); left > 0 && rest; left--)
            (void)strsep(&rest, "\n");
    }
    return bytes;
}

char *storepaths_directory(const char *prefix, const char *path, struct error *e)
{
    const char *slash = strrchr(path, '/');
    char *above CLEANUP_FREE = slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup("/");
    char *found = NULL;
    return path_in_prefix(&found, prefix, above, e) < 0 ? NULL : found;
}
