/* SPDX-License-Identifier: MIT */
#include "host/config/shareserver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "host/system/process.h"

/* The program of QEMU 7 and older, as Debian 12 installs it. It serves root only: it switches to
 * the guest's users, and passes on O_NOATIME, which only a file's owner may use. */
#define QEMU_SERVER "/usr/lib/qemu/virtiofsd"

/* Locations of the program, in the order of the search: distributions do not put it on PATH. */
static const char *const locations[] = {
    "virtiofsd",              /* PATH */
    "/usr/libexec/virtiofsd", /* Debian 13, Fedora */
    "/usr/lib/virtiofsd",     /* Arch */
    QEMU_SERVER,              /* Debian 12 */
};

/* True if the program is QEMU's own, under whatever name. A copy is found out at the start, when it
 * is asked for its options (virtiofsdargv.h): nothing is run before. */
static bool is_qemus(const char *program)
{
    char *resolved CLEANUP_FREE = realpath(program, NULL);

    return streq(resolved ? resolved : program, QEMU_SERVER);
}

/* True if / is no mount, as in the chroot in which Nix runs programs of a store elsewhere: there
 * QEMU's server cannot make its sandbox, and it has no way to serve without. */
static bool is_in_chroot(void)
{
    struct statx root;

    return statx(AT_FDCWD, "/", 0, 0, &root) == 0 &&
           (root.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) &&
           !(root.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

int shareserver_refuse_qemus(const char *program, struct error *e)
{
    (void)error_set(e, -ENOTSUP,
                    "%s is QEMU's own virtiofsd, which serves root only; install Debian 13's "
                    "package virtiofsd, or share by 9p (runVm.transport)",
                    program);
    return error_status(e, -ENOTSUP, STATUS_UNAVAILABLE);
}

static char *find_given(const char *given, bool is_root, struct error *e)
{
    char *found CLEANUP_FREE = process_find(given, e);

    if (found && (is_root || !is_qemus(found)))
        return TAKE(found);
    if (found)
        (void)shareserver_refuse_qemus(found, e);
    (void)error_context(e, -ENOENT, "runVm.virtiofsd");
    (void)error_status(e, -ENOENT, STATUS_UNAVAILABLE);
    return NULL;
}

char *shareserver_find(const char *given, bool is_root, struct error *e)
{
    bool rejected = false;

    if (given)
        return find_given(given, is_root, e);
    for (size_t i = 0; i < ELEMENTS(locations); i++) {
        char *found CLEANUP_FREE = process_find(locations[i], NULL);

        if (found && ((is_root && !is_in_chroot()) || !is_qemus(found)))
            return TAKE(found);
        rejected = rejected || found;
    }
    (void)error_set(e, -ENOENT,
                    "virtiofsd: not found%s; install Debian 13's package virtiofsd, or name the "
                    "program with runVm.virtiofsd",
                    rejected ? " (" QEMU_SERVER " serves root only, and not in a chroot)" : "");
    (void)error_status(e, -ENOENT, STATUS_UNAVAILABLE);
    return NULL;
}
