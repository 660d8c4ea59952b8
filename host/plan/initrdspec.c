/* SPDX-License-Identifier: MIT */
/* The contents of our initrd: the guest's init, and the modules that this plan's devices and
 * filesystems need. */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/plan/accel.h"
#include "host/plan/planner.h"
#include "host/system/path.h"
#include "host/system/process.h"

/* Modules of filesystem types that need other modules than the one of their name. */
static const struct {
    const char *type;
    const char *modules[4];
} fs_modules[] = {
    {"9p", {"9p", "9pnet_virtio"}},
    {"virtiofs", {"virtiofs"}},
    {"vfat", {"vfat", "nls_cp437", "nls_iso8859-1", "nls_ascii"}},
    {"btrfs", {"btrfs", "crc32c_generic"}},
    {"ext4", {"ext4", "crc32c_generic"}},
    {"auto", {"ext4", "erofs", "crc32c_generic"}},
};

void planner_add_module(struct planner *p, const char *name)
{
    struct strv *modules = &p->plan->initrd.modules;

    if (!strv_contains(modules, name))
        strv_push(modules, name);
}

static void add_fs_modules(struct planner *p, const char *type)
{
    bool known = false;

    for (size_t i = 0; i < ELEMENTS(fs_modules); i++)
        if (streq(fs_modules[i].type, type)) {
            known = true;
            for (size_t j = 0; j < 4 && fs_modules[i].modules[j]; j++)
                planner_add_module(p, fs_modules[i].modules[j]);
        }
    if (!known)
        planner_add_module(p, type);
}

static void add_listed_modules(struct planner *p, const char *option)
{
    struct strv names CLEANUP_STRV = config_texts(p->config, option);

    for (size_t i = 0; i < names.count; i++)
        planner_add_module(p, names.items[i]);
}

/* True if every kernel that can start an initramfs has the filesystem built in. */
static bool is_kernels_own(const char *type)
{
    static const char *const types[] = {"tmpfs", "ramfs", "proc", "sysfs", "devtmpfs", "devpts"};

    for (size_t i = 0; i < ELEMENTS(types); i++)
        if (streq(types[i], type))
            return true;
    return false;
}

/* Chooses the modules. The guest's kernel may have any of them built in: the initrd is made without
 * those that it cannot find. */
static void choose_modules(struct planner *p)
{
    const struct filesystems *filesystems = &p->config->filesystems;

    planner_add_module(p, "virtio_pci");
    planner_add_module(p, "virtio_mmio");
    if (p->config->drives.count)
        for (size_t i = 0; i < ELEMENTS(p->disks->modules) && p->disks->modules[i]; i++)
            planner_add_module(p, p->disks->modules[i]);
    for (size_t i = 0; i < filesystems->count; i++)
        if (filesystems->items[i].needed_for_boot && !is_kernels_own(filesystems->items[i].type))
            add_fs_modules(p, filesystems->items[i].type);
    if (p->options->root_dir) {
        add_fs_modules(p, "9p");
        planner_add_module(p, "overlay");
    }
    if (planner_overlays_root(p))
        planner_add_module(p, "overlay");
    if (p->modules_shared)
        add_fs_modules(p, "9p");
    if (p->params.ifnames.count > 0)
        planner_add_module(p, "virtio_net"); /* init names the interfaces */
    planner_add_expected_drivers(p);
    add_listed_modules(p, "boot.initrd.kernelModules");
    add_listed_modules(p, "boot.initrd.availableKernelModules");
}

/* Notes which modules the guest needs for a root that is a directory of the host. */
static void require_modules(struct planner *p)
{
    struct strv *needed = &p->plan->initrd.needed;

    if (!p->options->root_dir)
        return;
    if (!planner_replaced(p, MODEL_TYPE)) /* another machine may have no PCI */
        strv_push(needed, "virtio_pci");
    strv_push(needed, "9pnet_virtio");
    strv_push(needed, "9p");
    if (p->params.root_overlay)
        strv_push(needed, "overlay");
}

/* The only directory in `path`; the caller frees. NULL: none, or several. */
static char *only_directory(const char *path)
{
    DIR *directory = opendir(path);
    char *found = NULL;
    size_t count = 0;
    struct dirent *entry;

    while (directory && (entry = readdir(directory))) {
        if (entry->d_name[0] == '.')
            continue;
        count++;
        if (!found)
            found = xasprintf("%s/%s", path, entry->d_name);
    }
    if (directory)
        (void)closedir(directory);
    if (count == 1)
        return found;
    free(found);
    return NULL;
}

/* lib/modules/VERSION of the system's kernel; the caller frees. NULL: a kernel without modules. */
char *planner_find_modules(struct planner *p)
{
    static const char option[] = "system.build.toplevel";
    const char *toplevel = config_text(p->config, option);
    char *inside CLEANUP_FREE = NULL;
    char *path CLEANUP_FREE = NULL;
    char *found;

    if (p->options->modules_dir)
        return planner_tree_path(p, p->options->modules_dir, &p->plan->initrd.modules_root);
    if (!toplevel || p->options->kernel)
        return NULL;
    if (*p->plan->store_prefix)
        p->plan->initrd.modules_root = realpath(p->plan->store_prefix, NULL);
    inside = xasprintf("%s/kernel-modules/lib/modules", toplevel);
    path = planner_store_path(p, option, inside);
    found = path ? only_directory(path) : NULL;
    if (path && !found && !config_has_problem(p->config, option))
        config_problem(p->config, option,
                       "%s has not exactly one directory, expected that of the kernel's version; "
                       "--modules-dir can name it",
                       path);
    return found;
}

/* Needs init-CPU, which is not there. */
static void need_foreign_init(struct planner *p, const char *path)
{
    static const char *const built[] = {"aarch64", "riscv64"}; /* GUEST_CPUS of the Makefile */
    const char *source = "run-vm has none";

    for (size_t i = 0; i < ELEMENTS(built); i++)
        if (streq(built[i], p->guest->cpu))
            source = "made by `make guests`";
    char *name CLEANUP_FREE = xasprintf(
        "init for a guest of %s (%s, --guest-init names another one)", p->guest->cpu, source);
    planner_need(p, name, path, NEED_FILE);
}

/* init beside run-vm in a build tree, or where `make install` puts it, or init-CPU there for a
 * guest of another processor; the caller frees. NULL and the planner failed: nowhere. */
static char *find_guest_init(struct planner *p)
{
    static const char *const places[] = {"init", "../libexec/run-vm/init"};
    const char *slash = strrchr(p->at->program, '/');
    int length = slash ? (int)(slash - p->at->program) : 0;
    char *suffix CLEANUP_FREE =
        accel_is_own(p->guest) ? xstrdup("") : xasprintf("-%s", p->guest->cpu);
    char *missing CLEANUP_FREE = NULL; /* beside run-vm's own init */

    if (p->options->guest_init)
        return path_absolute(p->at->cwd, p->options->guest_init);
    for (size_t i = 0; i < ELEMENTS(places); i++) {
        char *own CLEANUP_FREE = xasprintf("%.*s/%s", length, p->at->program, places[i]);
        char *path CLEANUP_FREE = xasprintf("%s%s", own, suffix);

        if (access(path, X_OK) == 0)
            return TAKE(path);
        if (!missing && access(own, X_OK) == 0)
            missing = TAKE(path);
    }
    if (missing) {
        need_foreign_init(p, missing);
        return TAKE(missing);
    }
    if (!p->failed) {
        p->failed = error_set(p->e, -ENOENT,
                              "the guest's init is neither beside %s nor in ../libexec/run-vm: "
                              "build it (make), or name it with --guest-init",
                              p->at->program);
        (void)error_status(p->e, p->failed, STATUS_UNAVAILABLE);
    }
    return NULL;
}

void plan_initrd(struct planner *p)
{
    p->plan->initrd.init = find_guest_init(p);
    p->plan->initrd.cpu = accel_is_own(p->guest) ? NULL : p->guest->cpu;
    if (!p->modules_shared)
        p->plan->initrd.modules_dir = planner_find_modules(p);
    p->plan->initrd.strip_signed = config_bool(p->config, "runVm.stripModules");
    choose_modules(p);
    require_modules(p);
}
