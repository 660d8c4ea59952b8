/* SPDX-License-Identifier: MIT */
#include "host/system/namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"

/* Writes a short file of /proc. */
static bool tell(const char *path, const char *text)
{
    int fd CLEANUP_CLOSE = open(path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

bool namespace_enter(void)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();
    if (unshare(CLONE_NEWNS) < 0) {
        if (unshare(CLONE_NEWNS | CLONE_NEWUSER) < 0)
            return false;
        char *uids CLEANUP_FREE = xasprintf("0 %u 1", uid);
        char *gids CLEANUP_FREE = xasprintf("0 %u 1", gid);
        if (!tell("/proc/self/setgroups", "deny") || !tell("/proc/self/uid_map", uids) ||
            !tell("/proc/self/gid_map", gids))
            return false;
    }
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}
