/* SPDX-License-Identifier: MIT */
#include "host/commands/treekernel.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/text.h"
#include "host/commands/bootentry.h"
#include "host/commands/kernelversion.h"
#include "host/system/path.h"

/* The largest boot entry, in bytes. */
#define ENTRY_LIMIT ((size_t)64 << 10)

/* Directories of modules; in most systems the second one is the first one by another name. */
static const char *const module_places[] = {"/usr/lib/modules", "/lib/modules"};

/* The kernels below one root. */
struct search {
    const char *root;   /* "": the host's own */
    const char *wanted; /* the version that the modules have; NULL: any */
    struct treekernel *best;
    char *unreadable; /* the first kernel that may not be read; owned */
};

/* A kernel that may be the one. */
struct candidate {
    const char *path;               /* inside the root */
    const char *version;            /* NULL: as its name or header says */
    const struct boot_entry *entry; /* NULL: none */
};

static bool is_kind(const char *path, mode_t kind)
{
    struct stat st;

    return stat(path, &st) == 0 && (st.st_mode & S_IFMT) == kind;
}

/* Returns the modules of that version below the root, as a path that begins with the root; the
 * caller frees. NULL: there are none. */
static char *find_modules(const char *root, const char *version)
{
    for (size_t i = 0; i < ELEMENTS(module_places); i++) {
        char *inside CLEANUP_FREE = xasprintf("%s/%s", module_places[i], version);
        char *found CLEANUP_FREE = NULL;

        if (path_in_prefix(&found, root, inside, NULL) == 0 && is_kind(found, S_IFDIR))
            return xasprintf("%s%s", root, inside);
    }
    return NULL;
}

/* --- the best of several --- */

/* True if the best one so far is older, or has no modules although this one has. */
static bool is_better(const struct treekernel *best, const char *version, const char *modules_dir)
{
    if (!best->kernel)
        return true;
    if (!best->modules_dir != !modules_dir)
        return modules_dir != NULL;
    return version && (!best->version || kernelversion_compare(version, best->version) > 0);
}

/* Returns the version of the kernel `found`; the caller frees. NULL: unknown. */
static char *find_version(const struct candidate *candidate, const char *found)
{
    const char *given = candidate->entry ? candidate->entry->version : NULL;

    if (candidate->version)
        return xstrdup(candidate->version);
    char *version = kernelversion_of(text_after_last(candidate->path, '/'), found);
    return version || !given || !kernelversion_is_name(given) ? version : xstrdup(given);
}

static void consider(struct search *search, const struct candidate *candidate)
{
    char *found CLEANUP_FREE = NULL;

    if (path_in_prefix(&found, search->root, candidate->path, NULL) < 0 || !is_kind(found, S_IFREG))
        return;
    if (access(found, R_OK) < 0) {
        if (!search->unreadable)
            search->unreadable = xasprintf("%s: %s", found, strerror(errno));
        return;
    }
    char *version CLEANUP_FREE = find_version(candidate, found);
    char *modules_dir CLEANUP_FREE = version ? find_modules(search->root, version) : NULL;
    if (search->wanted && !(version && streq(version, search->wanted)))
        return;
    if (!is_better(search->best, version, modules_dir))
        return;
    treekernel_free(search->best);
    /* by the path that was checked: a name that the tree changes may lead elsewhere later */
    search->best->kernel = TAKE(found);
    search->best->version = TAKE(version);
    search->best->modules_dir = TAKE(modules_dir);
    if (candidate->entry)
        strv_extend(&search->best->parameters, &candidate->entry->parameters);
}

/* --- places in a tree --- */

/* Appends the names in a directory below the root, sorted. */
static void list(const struct search *search, const char *inside, struct strv *names)
{
    char *path CLEANUP_FREE = NULL;
    DIR *directory = path_in_prefix(&path, search->root, inside, NULL) == 0 ? opendir(path) : NULL;
    struct dirent *entry;

    while (directory && (entry = readdir(directory)))
        if (entry->d_name[0] != '.')
            strv_push(names, entry->d_name);
    if (directory)
        (void)closedir(directory);
    strv_sort(names);
}

/* Considers the kernel of an entry, whose path begins at the root of the partition `boot`, or at
 * that of the tree if there is no such partition. */
static void consider_entry(struct search *search, const char *boot, const char *inside)
{
    struct boot_entry entry CLEANUP_BOOT_ENTRY = {0};
    char *found CLEANUP_FREE = NULL;
    char *text CLEANUP_FREE = path_in_prefix(&found, search->root, inside, NULL) == 0
                                  ? file_read(found, ENTRY_LIMIT, NULL, NULL)
                                  : NULL;

    if (!text)
        return;
    bootentry_parse(&entry, text);
    if (!entry.kernel)
        return;
    char *on_partition CLEANUP_FREE = xasprintf("%s/%s", boot, entry.kernel);
    consider(search, &(struct candidate){.path = on_partition, .entry = &entry});
    consider(search, &(struct candidate){.path = entry.kernel, .entry = &entry});
}

static void search_entries(struct search *search)
{
    static const char *const partitions[] = {"/boot", "/efi", "/boot/efi"};

    for (size_t i = 0; i < ELEMENTS(partitions); i++) {
        char *directory CLEANUP_FREE = xasprintf("%s/loader/entries", partitions[i]);
        struct strv names CLEANUP_STRV = {0};

        list(search, directory, &names);
        for (size_t j = 0; j < names.count; j++) {
            const char *dot = strrchr(names.items[j], '.');
            char *inside CLEANUP_FREE = xasprintf("%s/%s", directory, names.items[j]);

            if (dot && streq(dot, ".conf"))
                consider_entry(search, partitions[i], inside);
        }
    }
}

static void search_boot(struct search *search)
{
    struct strv names CLEANUP_STRV = {0};

    list(search, "/boot", &names);
    for (size_t i = 0; i < names.count; i++) {
        char *inside CLEANUP_FREE = xasprintf("/boot/%s", names.items[i]);

        if (startswith(names.items[i], "vmlinuz") || startswith(names.items[i], "vmlinux-"))
            consider(search, &(struct candidate){.path = inside});
    }
}

/* Considers kernels beside their modules, as Fedora and Arch have them. */
static void search_modules(struct search *search)
{
    for (size_t i = 0; i < ELEMENTS(module_places); i++) {
        struct strv names CLEANUP_STRV = {0};

        list(search, module_places[i], &names);
        for (size_t j = 0; j < names.count; j++) {
            char *inside CLEANUP_FREE =
                xasprintf("%s/%s/vmlinuz", module_places[i], names.items[j]);

            if (kernelversion_is_name(names.items[j]))
                consider(search, &(struct candidate){.path = inside, .version = names.items[j]});
        }
    }
}

/* --- the host --- */

static void search_host(struct search *search, const char *release)
{
    static const char *const places[] = {"/boot/vmlinuz-%s", "/usr/lib/modules/%s/vmlinuz",
                                         "/lib/modules/%s/vmlinuz", "/run/booted-system/kernel"};
    static const char booted_modules[] = "/run/booted-system/kernel-modules";

    for (size_t i = 0; i < ELEMENTS(places) && !search->best->kernel; i++) {
        const char *version = strstr(places[i], "%s");
        char *path CLEANUP_FREE = version ? xasprintf("%.*s%s%s", (int)(version - places[i]),
                                                      places[i], release, version + 2)
                                          : xstrdup(places[i]);

        consider(search, &(struct candidate){.path = path, .version = release});
    }
    search->best->is_hosts = search->best->kernel != NULL;
    if (search->best->kernel && !search->best->modules_dir) {
        char *booted CLEANUP_FREE = xasprintf("%s%s", search->root, booted_modules);
        search->best->modules_dir = find_modules(booted, release);
    }
}

static int find_kernel(struct treekernel *found, const struct treekernel_request *request,
                       const char *wanted, struct error *e)
{
    struct search tree = {.root = request->tree, .wanted = wanted, .best = found};
    struct search host = {.root = request->host, .wanted = wanted, .best = found};

    search_entries(&tree);
    search_boot(&tree);
    search_modules(&tree);
    if (!found->kernel)
        search_host(&host, request->release);
    char *of_tree CLEANUP_FREE = tree.unreadable;
    char *of_host CLEANUP_FREE = host.unreadable ? host.unreadable
                                                 : xasprintf("/boot/vmlinuz-%s: there is no such "
                                                             "file",
                                                             request->release);
    if (found->kernel)
        return 0;
    return error_set(
        e, -ENOENT,
        "no kernel%s%s to boot: the tree %s has none in /boot or /usr/lib/modules%s%s%s, "
        "and this host's cannot be used (%s); install a kernel in the tree, or name one "
        "with --kernel FILE --modules-dir DIR",
        wanted ? " " : "", wanted ? wanted : "", request->tree, of_tree ? " (" : "",
        of_tree ? of_tree : "", of_tree ? ")" : "", of_host);
}

/* --- modules of a given kernel --- */

/* Returns the modules that lie beside the kernel, in a lib/modules of its directory or, for boot,
 * of the one above, or around it; the caller frees. NULL: there are none. */
static char *find_beside(const char *kernel, const char *version)
{
    char *directory CLEANUP_FREE = path_directory(kernel);
    const char *name = text_after_last(directory, '/');
    char *above CLEANUP_FREE = xasprintf("%s/..", directory);

    if (streq(name, version))
        return TAKE(directory);
    char *found = find_modules(directory, version);
    return found || !streq(name, "boot") ? found : find_modules(above, version);
}

int treekernel_find(struct treekernel *found, const struct treekernel_request *request,
                    struct error *e)
{
    const char *given = request->modules_dir;
    char *wanted CLEANUP_FREE = given ? path_last_name(given) : NULL;
    int r = 0;

    if (!request->kernel)
        r = find_kernel(found, request, wanted, e);
    else
        found->version = kernelversion_of(text_after_last(request->kernel, '/'), request->kernel);
    if (r == 0 && request->kernel && found->version)
        found->modules_dir = find_beside(request->kernel, found->version);
    if (r == 0 && !found->modules_dir && found->version)
        found->modules_dir = find_modules(request->tree, found->version);
    if (r == 0 && !found->modules_dir && found->version)
        found->modules_dir = find_modules(request->host, found->version);
    return r;
}

void treekernel_free(struct treekernel *found)
{
    free(found->kernel);
    free(found->version);
    free(found->modules_dir);
    strv_free(&found->parameters);
    *found = (struct treekernel){0};
}
