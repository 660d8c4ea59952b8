/* SPDX-License-Identifier: MIT */
#include "init/nix/closure.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/text.h"
#include "common/store.h"
#include "init/inroot.h"
#include "init/nix/gcroots.h"
#include "init/nix/nixdb.h"

#define STATE "/nix/var/nix"
#define ROOTS STATE "/gcroots/run-vm"

static int open_registration(int root, const char *path)
{
    if (startswith(path, STORE_DIR "/")) {
        char *lower CLEANUP_FREE = xasprintf(STORE_LOWER_DIR "%s", path + strlen(STORE_DIR));
        int fd = inroot_open(root, lower, O_RDONLY | O_NONBLOCK, 0);
        if (fd >= 0)
            return fd;
    }
    return inroot_open(root, path, O_RDONLY | O_NONBLOCK, 0);
}

/* Makes a directory inside the root if it is missing. Returns its path outside the root, which the
 * caller frees, or NULL. */
static char *real_directory(int root, const char *path)
{
    int fd CLEANUP_CLOSE = inroot_make_directory(root, path, 0755);
    return fd < 0 ? NULL : inroot_path(fd);
}

int closure_register(int root, const char *path, bool lasting_store, struct error *e)
{
    int fd CLEANUP_CLOSE = open_registration(root, path);
    if (fd < 0)
        return error_errno(e, -fd, "regInfo=%s: cannot be opened", path);
    struct stat st;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return error_set(e, -EINVAL, "regInfo=%s: not a regular file", path);
    char *state CLEANUP_FREE = real_directory(root, STATE);
    char *db CLEANUP_FREE = real_directory(root, STATE "/db");
    char *store CLEANUP_FREE = real_directory(root, STORE_DIR);
    if (!state || !db || !store)
        return error_set(e, -EROFS, "%s: cannot be created in the root",
                         !state ? STATE
                         : !db  ? STATE "/db"
                                : STORE_DIR);

    const struct nixtarget target = {.state_dir = state,
                                     .db_dir = db,
                                     .real_store = store,
                                     .registration_path = path,
                                     .forget_missing = !lasting_store};
    struct nixtarget_result result = {0};
    int r = nixdb_register_fd(&target, fd, path, &result, e);
    if (r < 0)
        return r;
    log_debug("%zu store paths in the registration: %zu new, %zu updated; %zu forgotten",
              result.paths, result.added, result.updated, result.forgotten);
    return 0;
}

/* Resolves `path` inside the root. Returns the path inside the root that its symlinks lead to,
 * which the caller frees, or NULL. */
static char *destination(int root, const char *path)
{
    int fd CLEANUP_CLOSE = inroot_open(root, path, O_PATH, 0);
    char *outside CLEANUP_FREE = fd < 0 ? NULL : inroot_path(fd);
    char *top CLEANUP_FREE = inroot_path(root);
    size_t prefix = streq(top, "/") ? 0 : strlen(top);
    return outside && strncmp(outside, top, prefix) == 0 ? xstrdup(outside + prefix) : NULL;
}

static bool is_in_store(const char *path)
{
    return path && startswith(path, STORE_DIR "/");
}

/* Makes a GC root of `path` if it is inside the store. Resolves symlinks only outside the store:
 * the GC root of init= must be the system, even if its init is a symlink to another store path. */
static int keep(int root, const struct nixtarget *target, const char *name, const char *path,
                struct error *e)
{
    char *leads_to CLEANUP_FREE = is_in_store(path) ? xstrdup(path) : destination(root, path);
    return is_in_store(leads_to) ? gcroots_add(target, name, leads_to, e) : 0;
}

int closure_keep(int root, const char *init, const char *registration, struct error *e)
{
    char *roots CLEANUP_FREE = real_directory(root, ROOTS);
    if (!roots)
        return error_set(e, -EROFS, ROOTS ": cannot be created in the root");
    const struct nixtarget target = {.roots_dir = roots};
    int r = init ? keep(root, &target, "booted-system", init, e) : 0;
    return r < 0 ? r : keep(root, &target, "registration", registration, e);
}
