/* SPDX-License-Identifier: MIT */
#include "host/store/closure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "host/system/process.h"

/* Version of the format; increased when the same inputs shall give other bytes. */
#define FORMAT 1

/* Most paths passed to one nix-store: an argument vector holds some 2 MiB. */
#define PATHS_AT_ONCE 4096

struct closure {
    const struct strv *roots;
    const char *prefix;
};

/* Returns the output of `nix-store OPERATION PATHS`; the caller frees. */
static char *ask(const struct closure *closure, const char *const *operation, char *const *paths,
                 size_t count, struct error *e)
{
    struct strv argv CLEANUP_STRV = {0};
    strv_push(&argv, "nix-store");
    if (*closure->prefix) {
        strv_push(&argv, "--store");
        strv_push(&argv, closure->prefix);
    }
    for (; *operation; operation++)
        strv_push(&argv, *operation);
    for (size_t i = 0; i < count; i++)
        strv_push(&argv, paths[i]);
    const struct process process = {.argv = &argv, .input = -1};
    return process_capture(&process, NULL, e);
}

static int find_paths(const struct closure *closure, struct strv *paths, struct error *e)
{
    static const char *const operation[] = {"--query", "--requisites", NULL};
    char *text CLEANUP_FREE =
        ask(closure, operation, closure->roots->items, closure->roots->count, e);
    if (!text)
        return -EPROTO;
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));)
        if (*line)
            strv_push(paths, line);
    strv_sort(paths);
    return 0;
}

/* Copies a registration and adds the type to each hash: nix-store prints the hash without it,
 * closureInfo with it; --load-db reads both. A path's lines are path, hash, size, deriver, number
 * of references, references. */
static void put_registration(FILE *out, char *text)
{
    char *rest = text;
    for (char *path; rest && *rest && (path = strsep(&rest, "\n"));) {
        const char *hash = rest ? strsep(&rest, "\n") : "";
        (void)fprintf(out, "%s\n%s%s\n", path, strchr(hash, ':') ? "" : "sha256:", hash);
        const char *line = NULL;
        for (int i = 0; i < 3 && rest; i++) {
            line = strsep(&rest, "\n");
            (void)fprintf(out, "%s\n", line);
        }
        for (unsigned long left = line ? strtoul(line, NULL, 10) : 0; left > 0 && rest; left--)
            (void)fprintf(out, "%s\n", strsep(&rest, "\n"));
    }
}

static int write_registration(FILE *out, const struct closure *closure, const struct strv *paths,
                              struct error *e)
{
    static const char *const operation[] = {"--dump-db", NULL};
    for (size_t i = 0; i < paths->count; i += PATHS_AT_ONCE) {
        size_t count = paths->count - i < PATHS_AT_ONCE ? paths->count - i : PATHS_AT_ONCE;
        char *text CLEANUP_FREE = ask(closure, operation, paths->items + i, count, e);
        if (!text)
            return -EPROTO;
        put_registration(out, text);
    }
    return 0;
}

static FILE *create(const char *directory, const char *name, struct error *e)
{
    char *path CLEANUP_FREE = xasprintf("%s/%s", directory, name);
    FILE *f = fopen(path, "wxe");
    if (!f)
        (void)error_errno(e, errno, "%s: cannot be made", path);
    return f;
}

static int finish(FILE *f, int result, const char *name, struct error *e)
{
    int written = ferror(f) ? EIO : 0;
    if (fclose(f) != 0)
        written = errno;
    return result < 0 || !written ? result : error_errno(e, written, "%s: cannot be written", name);
}

static int make(const char *directory, struct cache_inputs *inputs, void *context, struct error *e)
{
    (void)inputs;
    const struct closure *closure = context;
    struct strv paths CLEANUP_STRV = {0};
    int r = find_paths(closure, &paths, e);
    FILE *list = r == 0 ? create(directory, CLOSURE_PATHS, e) : NULL;
    if (!list)
        return r ? r : -EIO;
    for (size_t i = 0; i < paths.count; i++)
        (void)fprintf(list, "%s\n", paths.items[i]);
    r = finish(list, 0, CLOSURE_PATHS, e);
    FILE *registration = r == 0 ? create(directory, CLOSURE_REGISTRATION, e) : NULL;
    if (!registration)
        return r ? r : -EIO;
    r = write_registration(registration, closure, &paths, e);
    return finish(registration, r, CLOSURE_REGISTRATION, e);
}

/* Adds the variables by which nix-store chooses its store. */
static void add_environment(struct cache_key *key)
{
    static const char *const names[] = {"NIX_REMOTE", "NIX_STORE_DIR", "NIX_STATE_DIR",
                                        "NIX_CONF_DIR", "NIX_CONFIG"};
    for (size_t i = 0; i < ELEMENTS(names); i++) {
        const char *value = getenv(names[i]);
        cache_key_text(key, value ? value : "");
    }
}

/* The closure of a valid path never changes. A path that was deleted and rebuilt has another
 * identity. */
int closure_get(struct cache_entry *entry, const struct strv *roots, const char *prefix,
                const char *fallback, struct error *e)
{
    struct closure closure = {.roots = roots, .prefix = prefix ? prefix : ""};
    struct cache_key key;
    cache_key_start(&key, "closure", FORMAT);
    cache_key_text(&key, closure.prefix);
    add_environment(&key);
    for (size_t i = 0; i < roots->count; i++) {
        char *path CLEANUP_FREE = xasprintf("%s%s", closure.prefix, roots->items[i]);
        cache_key_file(&key, path);
    }
    const struct cache_request request = {
        .kind = "closure", .key = &key, .make = make, .context = &closure, .fallback = fallback};
    int r = cache_get(entry, &request, e);
    return r < 0 ? error_context(e, r, "the closure of %s",
                                 roots->count > 0 ? roots->items[0] : "nothing")
                 : 0;
}
