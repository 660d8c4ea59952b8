/* SPDX-License-Identifier: MIT */
#include "init/devices/modules.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <libkmod.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "base/alloc.h"
#include "base/log.h"
#include "common/report.h"
#include "init/report.h"

__attribute__((format(printf, 6, 0))) static void
pass_message(void *data, int priority, const char *file, int line, const char *function,
             const char *format, va_list arguments)
{
    (void)data;
    (void)priority;
    (void)file;
    (void)line;
    (void)function;
    char *text CLEANUP_FREE = xvasprintf(format, arguments);
    text[strcspn(text, "\n")] = '\0';
    log_debug("libkmod: %s", text);
}

/* Lists the directories in `directory`, separated by commas; "" if there are none. The caller
 * frees. */
static char *kernels_in(const char *directory)
{
    struct strv names CLEANUP_STRV = {0};
    DIR *d = opendir(directory);
    for (const struct dirent *entry; d && (entry = readdir(d));)
        if (entry->d_name[0] != '.')
            strv_push(&names, entry->d_name);
    if (d)
        (void)closedir(d);
    return strv_join(&names, ", ");
}

int modules_open(struct modules *modules, const char *directory, struct error *e)
{
    *modules = (struct modules){0};
    struct utsname kernel;
    if (uname(&kernel) < 0)
        return error_errno(e, errno, "the kernel's version cannot be read");
    char *path CLEANUP_FREE = xasprintf("%s/%s", directory, kernel.release);
    struct stat s;
    if (stat(path, &s) < 0) {
        char *others CLEANUP_FREE = kernels_in(directory);
        if (*others == '\0')
            return 0;
        return error_set(e, -ENOENT,
                         "the modules in the initrd do not match the running kernel: it is %s, "
                         "they are for %s; start the kernel with an initrd made for it",
                         kernel.release, others);
    }
    modules->kmod = kmod_new(path, NULL);
    if (!modules->kmod)
        return error_errno(e, errno, "%s: the kernel's modules cannot be opened", path);
    kmod_set_log_fn(modules->kmod, pass_message, NULL);
    /* keeps the indexes in memory, which each lookup would open again otherwise; a missing index is
     * reported when it is used */
    (void)kmod_load_resources(modules->kmod);
    return 0;
}

/* True the first time that `alias` is looked up; adds it to `seen`. */
static bool is_new(struct strv *seen, const char *alias)
{
    size_t low = 0;
    size_t high = seen->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(seen->items[middle], alias);
        if (order == 0)
            return false;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    strv_push(seen, alias);
    char *added = seen->items[seen->count - 1];
    memmove(&seen->items[low + 1], &seen->items[low],
            (seen->count - 1 - low) * sizeof *seen->items);
    seen->items[low] = added;
    return true;
}

/* Ignores "install" of modprobe.d: there is no shell to run it, and its usual purpose is to forbid
 * a module. */
static int refuse_install(struct kmod_module *module, const char *command, void *data)
{
    (void)data;
    log_debug("module %s: not loaded, modprobe.d says to run \"%s\" instead",
              kmod_module_get_name(module), command);
    return 0;
}

/* True for results that need no message: no such device, loaded already, blacklisted. */
static bool is_harmless(int r)
{
    return r >= 0 || r == -ENODEV || r == -EEXIST;
}

static void log_loading(struct kmod_module *module, bool install, const char *options)
{
    (void)install;
    log_debug("module %s %s", kmod_module_get_name(module), options ? options : "");
    report_mark(REPORT_PART, "module", kmod_module_get_name(module));
}

static void insert(struct kmod_module *module)
{
    int state = kmod_module_get_initstate(module);
    if (state == KMOD_MODULE_BUILTIN || state == KMOD_MODULE_LIVE)
        return;
    int r = kmod_module_probe_insert_module(module, KMOD_PROBE_APPLY_BLACKLIST_ALIAS_ONLY, NULL,
                                            refuse_install, NULL, log_loading);
    report_mark(REPORT_PART, "", "");
    if (!is_harmless(r))
        log_warning("module %s: cannot be loaded: %s", kmod_module_get_name(module), strerror(-r));
}

/* Loads the modules of an alias. Returns false if there are none. */
static bool load_alias(struct modules *modules, const char *alias)
{
    struct kmod_list *list = NULL;
    if (kmod_module_new_from_lookup(modules->kmod, alias, &list) < 0)
        return false;
    bool found = list != NULL;
    struct kmod_list *item;
    kmod_list_foreach(item, list)
    {
        struct kmod_module *module = kmod_module_get_module(item);
        insert(module);
        kmod_module_unref(module);
    }
    kmod_module_unref_list(list);
    return found;
}

/* True for a device's modalias that is a disk's or its controller's. */
static bool is_disk(const char *alias)
{
    static const char *const patterns[] = {
        "virtio:d00000002v*", /* virtio-blk */
        "virtio:d00000008v*", /* virtio-scsi */
        "pci:*bc01sc*",       /* mass storage */
    };
    for (size_t i = 0; i < ELEMENTS(patterns); i++)
        if (fnmatch(patterns[i], alias, 0) == 0)
            return true;
    return false;
}

bool modules_load(struct modules *modules, const char *alias)
{
    if (!modules->kmod)
        return false;
    if (!is_new(&modules->seen, alias))
        return true;
    if (modules->holds_disks && is_disk(alias)) {
        strv_push(&modules->held, alias);
        return true;
    }
    return load_alias(modules, alias);
}

void modules_load_hashes(struct modules *modules)
{
    static const char *const aliases[] = {"crypto-sha256", "crypto-sha384", "crypto-sha512"};
    for (size_t i = 0; i < ELEMENTS(aliases); i++)
        (void)modules_load(modules, aliases[i]);
}

void modules_load_filesystem(struct modules *modules, const char *type)
{
    char *alias CLEANUP_FREE = xasprintf("fs-%s", type);
    (void)modules_load(modules, alias);
}

void modules_hold_disks(struct modules *modules)
{
    modules->holds_disks = true;
}

void modules_release_disks(struct modules *modules)
{
    modules->holds_disks = false;
    for (size_t i = 0; i < modules->held.count; i++)
        load_alias(modules, modules->held.items[i]);
    strv_free(&modules->held);
}

void modules_close(struct modules *modules)
{
    if (modules->kmod)
        kmod_unref(modules->kmod);
    strv_free(&modules->seen);
    strv_free(&modules->held);
    *modules = (struct modules){0};
}
