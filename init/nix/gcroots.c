/* SPDX-License-Identifier: MIT */
#include "init/nix/gcroots.h"
#include "common/store.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "init/nix/durable.h"
#include "init/nix/registration.h"
#include "init/nix/storepath.h"

int gcroots_add(const struct nixtarget *target, const char *name, const char *path, struct error *e)
{
    const char *store_dir = target->store_dir ? target->store_dir : STORE_DIR;
    char *store_path CLEANUP_FREE = storepath_of(store_dir, path);
    if (!store_path)
        return error_set(e, -EINVAL, "%s: is in no path of the store %s", path, store_dir);
    char *directory CLEANUP_FREE = target->roots_dir
                                       ? xstrdup(target->roots_dir)
                                       : xasprintf("%s/gcroots/run-vm", target->state_dir);
    char *link CLEANUP_FREE = xasprintf("%s/%s", directory, name);
    if (file_is_link_to(link, store_path))
        return 0;
    int r = durable_make_directories(directory, e);
    return r < 0 ? r : durable_symlink(link, store_path, e);
}
