/* SPDX-License-Identifier: MIT */
/* The host's garbage collection is kept from what the running guest reads: Nix takes every store
 * path in the environment of a process for a root, with all that it refers to, and QEMU's has
 * these. */
#include <string.h>

#include "base/alloc.h"
#include "host/plan/planner.h"

/* An environment variable has 128 KiB; a store path has 50 bytes, its name up to 211 more. */
#define PATHS_A_VARIABLE 400

static void add(struct strv *paths, const char *path)
{
    static const char store[] = "/nix/store/";

    if (path && !strncmp(path, store, strlen(store)) && !strv_contains(paths, path))
        strv_push(paths, path);
}

void plan_roots(struct planner *p)
{
    static const char *const options[] = {"system.build.toplevel", "system.build.regInfo",
                                          "system.build.storeClosure", "system.build.storeImage",
                                          "system.build.bootDisk"};
    struct strv paths CLEANUP_STRV = {0};
    json_t *path;
    size_t i;

    for (i = 0; i < ELEMENTS(options); i++)
        add(&paths, config_text(p->config, options[i]));
    json_array_foreach (config_get(p->config, "virtualisation.additionalPaths"), i, path)
        add(&paths, json_string_value(path));
    add(&paths, p->options->init);
    for (size_t from = 0; from < paths.count; from += PATHS_A_VARIABLE) {
        struct strv part CLEANUP_STRV = {0};

        for (i = from; i < paths.count && i < from + PATHS_A_VARIABLE; i++)
            strv_push(&part, paths.items[i]);
        char *list CLEANUP_FREE = strv_join(&part, ":");
        strv_pushf(&p->plan->environment, "RUN_VM_STORE_PATHS_%zu=%s", from / PATHS_A_VARIABLE,
                   list);
    }
}
