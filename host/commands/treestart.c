/* SPDX-License-Identifier: MIT */
#include "host/commands/treestart.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "base/alloc.h"
#include "base/log.h"
#include "host/commands/kernelcpu.h"
#include "host/commands/treekernel.h"
#include "host/commands/treenetwork.h"
#include "host/config/setting.h"

/* True if no window can be shown. */
static bool is_without_display(const char *tree)
{
    static const char *const variables[] = {"DISPLAY", "WAYLAND_DISPLAY"};

    (void)tree;
    for (size_t i = 0; i < ELEMENTS(variables); i++) {
        const char *value = getenv(variables[i]);

        if (value && *value)
            return false;
    }
    return true;
}

static bool is_unmanaged(const char *tree)
{
    return !treenetwork_is_managed(tree);
}

/* The defaults. That there is no disk image is the option's own (config.h: diskless). */
static const struct {
    const char *setting;
    bool (*applies)(const char *tree); /* NULL: always */
} defaults[] = {
    {"virtualisation.graphics=false", is_without_display},
    {"runVm.guestNetwork=true", is_unmanaged},
    {"runVm.agent=true", NULL},
};

/* Names the guest after its tree; that is the machine's name, too. */
static int add_name(struct config *config, const char *tree, struct error *e)
{
    char *name CLEANUP_FREE = treenetwork_host_name(tree);
    char *setting CLEANUP_FREE = xasprintf("networking.hostName=%s", name);

    return setting_add_default(config, setting, e);
}

/* Returns 0, or a negative errno with the reason: no kernel can be found in what is no tree. */
static int check_tree(const char *tree, struct error *e)
{
    struct stat st;

    if (stat(tree, &st) < 0)
        return error_errno(e, errno, "--root-dir: %s", tree);
    if (!S_ISDIR(st.st_mode))
        return error_set(e, -ENOTDIR, "--root-dir: %s is not a directory, expected a directory",
                         tree);
    return 0;
}

/* Looks for the kernel and the modules. Returns 0, or a negative errno with the reason. */
static int find_kernel(struct treekernel *found, const struct plan_options *options,
                       struct error *e)
{
    struct utsname host;
    int r = check_tree(options->root_dir, e);

    if (r < 0)
        return r;
    (void)uname(&host);
    const struct treekernel_request request = {.tree = options->root_dir,
                                               .kernel = options->kernel,
                                               .modules_dir = options->modules_dir,
                                               .host = "",
                                               .release = host.release};
    return treekernel_find(found, &request, e);
}

/* Makes the kernel's processor the guest's; of a kernel that does not tell, the host's. */
static int add_platform(struct config *config, const struct plan_options *options, struct error *e)
{
    struct treekernel found CLEANUP_TREEKERNEL = {0};

    if (!options->kernel && find_kernel(&found, options, NULL) < 0)
        return 0; /* treestart_choose_kernel() says so if one is needed */
    const char *system = kernelcpu_of(options->kernel ? options->kernel : found.kernel);
    if (!system)
        return 0;
    char *setting CLEANUP_FREE = xasprintf("nixpkgs.hostPlatform=%s", system);
    return setting_add_default(config, setting, e);
}

int treestart_configure(struct config *config, const struct plan_options *options, struct error *e)
{
    int r = 0;

    if (!options->tree_start)
        return 0;
    for (size_t i = 0; i < ELEMENTS(defaults) && r == 0; i++)
        if (!defaults[i].applies || defaults[i].applies(options->root_dir))
            r = setting_add_default(config, defaults[i].setting, e);
    if (r == 0)
        r = add_platform(config, options, e);
    return r == 0 ? add_name(config, options->root_dir, e) : r;
}

/* True if the kernel is that of the tree, or the host's running one. A system has a kernel of its
 * own, and a boot loader starts the one on its disk. */
static bool needs_kernel(const struct config *config, const struct plan_options *options)
{
    return options->tree_start && !(options->kernel && options->modules_dir) &&
           !config_text(config, "system.build.toplevel") &&
           config_bool(config, "virtualisation.directBoot.enable");
}

static void tell(const struct treekernel *found, const char *given)
{
    const char *kernel = given ? given : found->kernel;
    const char *version = found->version ? found->version : "";

    if (!given)
        log_info("kernel %s%s%s: %s", version, *version ? " " : "",
                 found->is_hosts ? "of this host" : "of the tree", kernel);
    if (*version && !found->modules_dir)
        log_warning(
            "warning: %s: there is no lib/modules/%s beside it, in the tree or on this host: "
            "the guest lacks every driver that is not built in; --modules-dir DIR names it",
            kernel, version);
}

int treestart_choose_kernel(const struct config *config, struct plan_options *options, bool dry_run,
                            struct error *e)
{
    struct treekernel found CLEANUP_TREEKERNEL = {0};

    if (!needs_kernel(config, options))
        return 0;
    int r = find_kernel(&found, options, e);
    if (r < 0)
        return r;
    if (!dry_run && !options->modules_dir)
        tell(&found, options->kernel);
    if (!options->kernel)
        options->kernel = TAKE(found.kernel);
    if (!options->modules_dir)
        options->modules_dir = TAKE(found.modules_dir);
    strv_extend(&options->tree_params, &found.parameters);
    return 0;
}
