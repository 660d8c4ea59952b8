/* SPDX-License-Identifier: MIT */
/* Keeps store paths that the guest reads from the host's garbage collection: they are in QEMU's
 * environment, and Nix takes store paths in the environment of a process for GC roots. */
#include "base/alloc.h"
#include "base/text.h"
#include "common/store.h"
#include "host/plan/planner.h"

/* An environment variable holds 128 KiB; a store path has 50 bytes and up to 211 more of its name.
 */
#define PATHS_A_VARIABLE 400

static void add(struct strv *paths, const char *path)
{
    if (path && startswith(path, STORE_DIR "/") && !strv_contains(paths, path))
        strv_push(paths, path);
}

void plan_roots(struct planner *p)
{
    static const char *const options[] = {"system.build.toplevel", "system.build.regInfo",
                                          "system.build.storeClosure", "system.build.storeImage",
                                          "system.build.bootDisk"};
    struct strv more CLEANUP_STRV = config_texts(p->config, "virtualisation.additionalPaths");
    struct strv paths CLEANUP_STRV = {0};

    for (size_t i = 0; i < ELEMENTS(options); i++)
        add(&paths, config_text(p->config, options[i]));
    for (size_t i = 0; i < more.count; i++)
        add(&paths, more.items[i]);
    add(&paths, p->options->init);
    for (size_t from = 0; from < paths.count; from += PATHS_A_VARIABLE) {
        struct strv part CLEANUP_STRV = {0};

        for (size_t i = from; i < paths.count && i < from + PATHS_A_VARIABLE; i++)
            strv_push(&part, paths.items[i]);
        char *list CLEANUP_FREE = strv_join(&part, ":");
        strv_pushf(&p->plan->environment, PLAN_STORE_PATHS "%zu=%s", from / PATHS_A_VARIABLE, list);
    }
}
