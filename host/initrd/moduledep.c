/* SPDX-License-Identifier: MIT */
#include "host/initrd/moduledep.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "base/text.h"
#include "host/cache/cache.h"
#include "host/system/atomicfile.h"
#include "host/system/path.h"
#include "host/system/process.h"
#include "host/system/tree.h"

/* Version of the format; increased when the same inputs shall give other bytes. */
#define FORMAT 1

/* How deep modules lie: kernel/drivers/net/ethernet/intel/e1000e/e1000e.ko */
#define MODULES_DEPTH 16

/* Names in a modules directory: the modules' own directories, what the kernel's build leaves for
 * depmod, and depmod's own files. */
static bool is_modules(const char *name)
{
    return !startswith(name, "modules.") && !streq(name, "build") && !streq(name, "source");
}

static bool is_of_build(const char *name)
{
    return streq(name, "modules.order") || streq(name, "modules.builtin") ||
           streq(name, "modules.builtin.modinfo");
}

static bool is_input(const char *name)
{
    return is_modules(name) || is_of_build(name);
}

static bool is_index(const char *name)
{
    return startswith(name, "modules.");
}

/* Calls `take` with each wanted name, until it fails. */
static int for_each(const char *directory, bool (*wanted)(const char *name),
                    int (*take)(const char *from, const char *to, struct error *e), const char *to,
                    struct error *e)
{
    DIR *stream = opendir(directory);
    int r = 0;
    if (!stream)
        return error_errno(e, errno, "%s", directory);
    for (const struct dirent *entry; r == 0 && (entry = readdir(stream));) {
        if (*entry->d_name == '.' || !wanted(entry->d_name))
            continue;
        char *from CLEANUP_FREE = xasprintf("%s/%s", directory, entry->d_name);
        char *there CLEANUP_FREE = xasprintf("%s/%s", to, entry->d_name);
        r = take(from, there, e);
    }
    (void)closedir(stream);
    return r;
}

static int link_one(const char *from, const char *to, struct error *e)
{
    return symlink(from, to) < 0 ? error_errno(e, errno, "%s", to) : 0;
}

/* Copies what a link leads to, and moves a file. */
static int take_one(const char *from, const char *to, struct error *e)
{
    struct stat st;
    if (lstat(from, &st) == 0 && S_ISLNK(st.st_mode))
        return atomicfile_fill(from, to, e);
    return rename(from, to) < 0 ? error_errno(e, errno, "%s", to) : 0;
}

/* --- the cache entry --- */

/* A cache_maker. depmod follows links to the modules, and writes beside these links. */
static int make(const char *directory, struct cache_inputs *inputs, void *context, struct error *e)
{
    const char *modules = context;
    char *version CLEANUP_FREE = path_last_name(modules);
    char *base CLEANUP_FREE = xasprintf("%s/base", directory);
    char *beside CLEANUP_FREE = xasprintf("%s/lib/modules/%s", base, version);
    const char *const words[] = {"depmod", "-b", base, version};
    struct strv argv CLEANUP_STRV = {0};
    const struct process process = {.argv = &argv, .input = -1, .output = -1};
    (void)inputs;
    for (size_t i = 0; i < ELEMENTS(words); i++)
        strv_push(&argv, words[i]);
    int r = tree_make(beside, 0700, e);
    if (r == 0)
        r = for_each(modules, is_input, link_one, beside, e);
    if (r == 0)
        r = process_run(&process, e);
    if (r == 0)
        r = for_each(beside, is_index, take_one, directory, e);
    if (r == 0)
        r = tree_remove(base, e);
    return r;
}

/* Adds the identities of all files in the directory, as deep as a kernel's modules are. */
static void add_tree_to_key(struct cache_key *key, const char *directory, int depth)
{
    struct dirent **names = NULL;
    int count = depth > 0 ? scandir(directory, &names, NULL, alphasort) : 0;
    for (int i = 0; i < count; i++) {
        const char *name = names[i]->d_name;
        char *path CLEANUP_FREE = xasprintf("%s/%s", directory, name);
        struct stat st;
        if (*name != '.' && (depth < MODULES_DEPTH || is_input(name)) && lstat(path, &st) == 0) {
            cache_key_text(key, name);
            cache_key_file(key, path);
            if (S_ISDIR(st.st_mode))
                add_tree_to_key(key, path, depth - 1);
        }
        free(names[i]);
    }
    free(names);
}

int moduledep_make(const char *directory, const char *path, const char *fallback, int *lock,
                   struct error *e)
{
    char *context CLEANUP_FREE = xstrdup(directory);
    char *version CLEANUP_FREE = path_last_name(directory);
    char *index CLEANUP_FREE = xasprintf("%s/index", path);
    char *whole CLEANUP_FREE = xasprintf("%s/%s", path, version);
    struct cache_key key;
    struct cache_entry entry;
    cache_key_start(&key, "modules", FORMAT);
    cache_key_text(&key, directory);
    add_tree_to_key(&key, directory, MODULES_DEPTH);
    const struct cache_request request = {
        .kind = "modules", .key = &key, .make = make, .context = context, .fallback = fallback};
    int r = cache_get(&entry, &request, e);
    if (r < 0)
        return r;
    char *made CLEANUP_FREE = entry.path;
    *lock = entry.lock;
    r = tree_make(whole, 0755, e);
    if (r == 0)
        r = atomicfile_link(made, index, e);
    if (r == 0)
        r = for_each(directory, is_modules, link_one, whole, e);
    return r < 0 ? r : for_each(made, is_index, link_one, whole, e);
}
