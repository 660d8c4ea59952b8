/* SPDX-License-Identifier: MIT */
#include "init/closure.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/alloc.h"
#include "common/log.h"
#include "init/inroot.h"
#include "init/nixdb.h"

#define STORE       "/nix/store"
#define STATE       "/nix/var/nix"
#define LOWER_STORE "/nix/.ro-store"

static int open_registration(int root, const char *path)
{
    if (strncmp(path, STORE "/", strlen(STORE "/")) == 0) {
        char *lower CLEANUP_FREE = xasprintf(LOWER_STORE "%s", path + strlen(STORE));
        int fd = inroot_open(root, lower, O_RDONLY, 0);
        if (fd >= 0)
            return fd;
    }
    return inroot_open(root, path, O_RDONLY, 0);
}

/* The path that a directory inside the root has for us; NULL where it cannot be had. */
static char *real_directory(int root, const char *path)
{
    int fd CLEANUP_CLOSE = inroot_make_directory(root, path, 0755);
    return fd < 0 ? NULL : inroot_path(fd);
}

int closure_register(int root, const char *path, bool lasting_store, struct error *e)
{
    int fd CLEANUP_CLOSE = open_registration(root, path);
    if (fd < 0)
        return error_errno(e, -fd, "regInfo=%s: opening the registration", path);
    char *state CLEANUP_FREE = real_directory(root, STATE);
    char *store CLEANUP_FREE = real_directory(root, STORE);
    if (!state || !store)
        return error_set(e, -EROFS, "%s cannot be made in the root", state ? STORE : STATE);

    const struct nixdb_place place = {
        .state_dir = state, .real_store = store, .forget_missing = !lasting_store};
    struct nixdb_result result = {0};
    int r = nixdb_register_fd(&place, fd, path, &result, e);
    if (r < 0)
        return r;
    log_debug("%zu store paths in the registration: %zu new, %zu updated; %zu forgotten",
              result.paths, result.added, result.updated, result.forgotten);
    return 0;
}
