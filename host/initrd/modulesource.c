/* SPDX-License-Identifier: MIT */
#include "host/initrd/modulesource.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/text.h"
#include "host/system/path.h"

char *modulesource_read(const char *root, const char *directory, const char *name, size_t *size,
                        struct error *e)
{
    char *path CLEANUP_FREE = xasprintf("%s/%s", directory, name);
    char *found CLEANUP_FREE = NULL;
    return path_below(&found, root, path, e) < 0 ? NULL : file_read(found, FILE_LIMIT, size, e);
}

/* Reads an index; an absent one is empty. For a kernel whose build left no list of built-in
 * modules, as before Linux 5.2, depmod writes a file of 0 bytes. */
static int read_index(struct module_source *source, const char *name, struct module_index *index,
                      struct error *e)
{
    struct error failure CLEANUP_ERROR = {0};
    char *path CLEANUP_FREE = xasprintf("%s/%s", source->directory, name);
    char *found CLEANUP_FREE = NULL;
    int r = path_below(&found, source->root, path, &failure);
    if (r == -ENOENT || (r == 0 && access(found, F_OK) < 0 && errno == ENOENT))
        return 0;
    size_t size = 0;
    char *data CLEANUP_FREE = r < 0 ? NULL : file_read(found, FILE_LIMIT, &size, &failure);
    if (!data)
        return error_set(e, r < 0 ? r : -EIO, "%s", failure.message);
    if (size == 0 && (index == &source->builtin || index == &source->builtin_aliases))
        return 0;
    r = moduleindex_parse(index, data, size, &failure);
    return r < 0 ? error_set(e, r, "%s: %s; have depmod make it anew", path, failure.message) : 0;
}

char *modulesource_normalize(const char *text)
{
    char *normal CLEANUP_FREE = xstrdup(text);
    bool inside = false;
    for (char *p = normal; *p; p++) {
        if (*p == '[' || *p == ']') {
            if (inside == (*p == '['))
                return NULL;
            inside = !inside;
        } else if (!isascii(*p)) {
            return NULL;
        } else if (*p == '-' && !inside) {
            *p = '_';
        }
    }
    return inside ? NULL : TAKE(normal);
}

/* Parses a line "softdep NAME pre: NAME… post: NAME…". */
static void take_softdep(struct module_source *source, char *line)
{
    char *rest = line;
    const char *word = strsep(&rest, " ");
    const char *name = strsep(&rest, " ");
    char *normal = name && rest && streq(word, "softdep") ? modulesource_normalize(name) : NULL;
    if (!normal)
        return;
    strv_take(&source->softdeps, normal);
    strv_push(&source->softdeps, rest);
}

static int read_softdeps(struct module_source *source, struct error *e)
{
    size_t size = 0;
    char *text CLEANUP_FREE =
        modulesource_read(source->root, source->directory, "modules.softdep", &size, e);
    if (!text)
        return -EIO;
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));)
        take_softdep(source, line);
    return 0;
}

int modulesource_open(struct module_source *source, const char *root, const char *directory,
                      struct error *e)
{
    *source = (struct module_source){.root = root, .directory = directory};
    const struct {
        const char *name;
        struct module_index *index;
    } indexes[] = {
        {"modules.dep.bin", &source->needs},
        {"modules.alias.bin", &source->aliases},
        {"modules.builtin.bin", &source->builtin},
        {"modules.builtin.alias.bin", &source->builtin_aliases},
    };
    int r = 0;
    for (size_t i = 0; r == 0 && i < ELEMENTS(indexes); i++)
        r = read_index(source, indexes[i].name, indexes[i].index, e);
    return r < 0 ? r : read_softdeps(source, e);
}

void modulesource_close(struct module_source *source)
{
    moduleindex_free(&source->needs);
    moduleindex_free(&source->aliases);
    moduleindex_free(&source->builtin);
    moduleindex_free(&source->builtin_aliases);
    strv_free(&source->softdeps);
}

const char *modulesource_needs(const struct module_source *source, const char *name)
{
    const struct module_index_entry *entry = moduleindex_find(&source->needs, name);
    return entry ? entry->value : NULL;
}

/* Calls fnmatch() only if the texts agree up to the first special character. */
static bool matches(const char *pattern, const char *alias)
{
    while (*pattern == *alias && *pattern && !strchr("*?[\\", *pattern)) {
        pattern++;
        alias++;
    }
    if (!*pattern || !strchr("*?[\\", *pattern))
        return !*pattern && !*alias;
    return fnmatch(pattern, alias, 0) == 0;
}

static bool match(const struct module_index *index, const char *alias, struct strv *names)
{
    bool found = false;
    for (size_t i = 0; i < index->count; i++) {
        if (!matches(index->entries[i].key, alias))
            continue;
        found = true;
        if (names)
            strv_push(names, index->entries[i].value);
    }
    return found;
}

bool modulesource_match(const struct module_source *source, const char *alias, struct strv *names)
{
    /* longer texts are not names, and would take long to match */
    char *normal CLEANUP_FREE = strlen(alias) < PATH_MAX ? modulesource_normalize(alias) : NULL;
    if (!normal)
        return false;
    if (modulesource_needs(source, normal)) {
        strv_push(names, normal);
        return true;
    }
    return match(&source->aliases, normal, names) || moduleindex_find(&source->builtin, normal) ||
           match(&source->builtin_aliases, normal, NULL);
}
