/* SPDX-License-Identifier: MIT */
#include "init/stage2/poweroff.h"

#include <errno.h>
#include <mntent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/strv.h"
#include "base/text.h"
#include "init/fatal.h"

/* Limit of the wait for processes to die: one that is blocked in the kernel cannot be killed. */
static const struct timespec patience = {.tv_sec = 3};

static void end_processes(void)
{
    sigset_t children;
    (void)sigemptyset(&children);
    (void)sigaddset(&children, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &children, NULL);
    (void)kill(-1, SIGKILL);
    for (;;) {
        pid_t ended = waitpid(-1, NULL, WNOHANG);
        if (ended < 0 && errno != EINTR)
            return;
        if (ended == 0 && sigtimedwait(&children, NULL, &patience) < 0 && errno == EAGAIN)
            return;
    }
}

/* Lists the mount points, the last mounted first. */
static void list_mounts(struct strv *points)
{
    FILE *table CLEANUP_FCLOSE = setmntent("/proc/self/mounts", "re");
    for (const struct mntent *mount = NULL; table && (mount = getmntent(table));)
        strv_push(points, mount->mnt_dir);
    for (size_t i = 0; i < points->count / 2; i++) {
        char *other = points->items[points->count - 1 - i];
        points->items[points->count - 1 - i] = points->items[i];
        points->items[i] = other;
    }
}

static bool is_kept(const char *point)
{
    static const char *const kept[] = {"/", "/proc", "/dev", NULL};
    for (size_t i = 0; kept[i]; i++)
        if (streq(kept[i], point))
            return true;
    return false;
}

static void unmount_all(void)
{
    struct strv points CLEANUP_STRV = {0};
    list_mounts(&points);
    for (size_t i = 0; i < points.count; i++) {
        const char *point = points.items[i];
        if (!is_kept(point) && umount2(point, UMOUNT_NOFOLLOW) < 0 &&
            mount(NULL, point, NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0)
            log_warning("%s: cannot be unmounted: %s", point, strerror(errno));
    }
    /* may fail for a 9p or virtiofs root; sync() has written everything in any case */
    if (mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0)
        log_debug("/: cannot be made read-only: %s", strerror(errno));
}

_Noreturn void poweroff(void)
{
    (void)!chdir("/");
    end_processes();
    sync();
    unmount_all();
    fatal_power_off();
}
