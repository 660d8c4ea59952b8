/* SPDX-License-Identifier: MIT */
#include "host/system/namespace.h"

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/file.h"

bool namespace_enter(void)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();
    if (unshare(CLONE_NEWNS) < 0) {
        if (unshare(CLONE_NEWNS | CLONE_NEWUSER) < 0)
            return false;
        char *uids CLEANUP_FREE = xasprintf("0 %u 1", uid);
        char *gids CLEANUP_FREE = xasprintf("0 %u 1", gid);
        if (file_set("/proc/self/setgroups", "deny") < 0 ||
            file_set("/proc/self/uid_map", uids) < 0 || file_set("/proc/self/gid_map", gids) < 0)
            return false;
    }
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}
