/* SPDX-License-Identifier: MIT */
/* Roots of Nix's garbage collector: symlinks below gcroots/ (see nixdb.h). */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/alloc.h"
#include "init/nix/durable.h"
#include "init/nix/nixdb.h"
#include "init/nix/registration.h"
#include "init/nix/storepath.h"

static bool links_to(const char *name, const char *target)
{
    char text[PATH_MAX];
    ssize_t length = readlink(name, text, sizeof text);
    return length == (ssize_t)strlen(target) && memcmp(text, target, (size_t)length) == 0;
}

int nixdb_keep(const struct nixdb_place *place, const char *name, const char *path, struct error *e)
{
    const char *store_dir = place->store_dir ? place->store_dir : REGISTRATION_STORE_DIR;
    char *target CLEANUP_FREE = storepath_of(store_dir, path);
    char *directory CLEANUP_FREE = place->roots_dir
                                       ? xstrdup(place->roots_dir)
                                       : xasprintf("%s/gcroots/run-vm", place->state_dir);
    char *link CLEANUP_FREE = xasprintf("%s/%s", directory, name);
    if (!target)
        return error_set(e, -EINVAL, "%s: is in no path of the store %s", path, store_dir);
    if (links_to(link, target))
        return 0;
    int r = durable_make_directories(directory, e);
    return r == 0 ? durable_symlink(link, target, e) : r;
}
