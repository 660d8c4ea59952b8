/* SPDX-License-Identifier: MIT */
#include "host/prepare/treelock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "host/prepare/waitlock.h"
#include "host/system/path.h"
#include "host/system/signals.h"

/* True if the directory is the path or above it, whatever links lead there. */
static bool contains(const struct stat *directory, const char *path)
{
    char *above CLEANUP_FREE = path_directory(path);
    char *real CLEANUP_FREE = realpath(path, NULL);
    char *place = real ? real : realpath(above, NULL); /* the path may not exist yet */
    bool found = false;

    for (size_t length = place ? strlen(place) : 0; length > 0 && !found; length--) {
        struct stat st;

        if (length > 1 && place[length] != '/' && place[length] != '\0')
            continue;
        place[length] = '\0';
        found = stat(place, &st) == 0 && st.st_dev == directory->st_dev &&
                st.st_ino == directory->st_ino;
    }
    if (!real)
        free(place);
    return found;
}

/* Refuses to let a guest write to directories that this host uses. */
static int check_not_ours(const struct plan *plan, const struct stat *tree, struct error *e)
{
    const char *home = getenv("HOME");
    const struct {
        const char *path;
        const char *what;
    } ours[] = {{"/", "the root of this host"},
                {plan->cwd, "run-vm's temporary directory"},
                {home && *home == '/' ? home : "/", "your home directory"}};

    for (size_t i = 0; i < ELEMENTS(ours); i++)
        if (contains(tree, ours[i].path))
            return error_set(e, -EINVAL,
                             "%s: --rw: %s (%s) is in it: a guest would write to files that this "
                             "system uses, and empty its /tmp; name a tree of the guest's own, or "
                             "leave out --rw: then nothing is written to it",
                             plan->tree, ours[i].what, ours[i].path);
    return 0;
}

/* Reports why the tree of --rw is not locked. */
static int report_unlocked(const struct plan *plan, int r, struct error *e)
{
    if (signals_check(e) < 0)
        return -ECANCELED;
    if (r == -EWOULDBLOCK)
        return error_set(e, -EBUSY,
                         "%s: --rw: in use by another machine; end that one first, or leave out "
                         "--rw: then nothing is written to it",
                         plan->tree);
    log_warning("warning: %s: --rw: cannot be locked (%s): nothing keeps another machine from "
                "writing to it, too",
                plan->tree, strerror(-r));
    return 0;
}

static int lock_for_writing(struct prepared *prepared, const struct plan *plan, int fd,
                            struct error *e)
{
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return error_errno(e, errno,
                           "%s: --rw: cannot be opened, to be locked against other machines",
                           plan->tree);
    prepared_hold(prepared, fd);
    int r = check_not_ours(plan, &st, e);
    if (r < 0)
        return r;
    r = waitlock_take(fd, LOCK_EX);
    return r < 0 ? report_unlocked(plan, r, e) : 0;
}

int treelock_take(struct prepared *prepared, const struct plan *plan, struct error *e)
{
    if (!plan->tree)
        return 0;
    int fd = open(plan->tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (plan->tree_writable)
        return lock_for_writing(prepared, plan, fd, e);
    if (fd < 0)
        return 0; /* it is only read, and QEMU will say why it cannot be */
    prepared_hold(prepared, fd);
    if (waitlock_take(fd, LOCK_SH) != -EWOULDBLOCK)
        return 0;
    if (signals_check(e) < 0)
        return -ECANCELED;
    log_warning("warning: %s: another machine writes to it (--rw): this one may see files that "
                "are half written",
                plan->tree);
    return 0;
}
