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

/* What hangs in the kernel cannot be killed: it is not waited for longer than this. */
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

/* Where something is mounted, the last first. */
static void list_mounts(struct strv *places)
{
    FILE *table CLEANUP_FCLOSE = setmntent("/proc/self/mounts", "re");
    for (const struct mntent *mount = NULL; table && (mount = getmntent(table));)
        strv_push(places, mount->mnt_dir);
    for (size_t i = 0; i < places->count / 2; i++) {
        char *other = places->items[places->count - 1 - i];
        places->items[places->count - 1 - i] = places->items[i];
        places->items[i] = other;
    }
}

static bool is_ours(const char *place)
{
    static const char *const kept[] = {"/", "/proc", "/dev", NULL};
    for (size_t i = 0; kept[i]; i++)
        if (streq(kept[i], place))
            return true;
    return false;
}

static void unmount_all(void)
{
    struct strv places CLEANUP_STRV = {0};
    list_mounts(&places);
    for (size_t i = 0; i < places.count; i++) {
        const char *place = places.items[i];
        if (!is_ours(place) && umount2(place, UMOUNT_NOFOLLOW) < 0 &&
            mount(NULL, place, NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0)
            log_warning("%s: cannot be unmounted: %s", place, strerror(errno));
    }
    /* a 9p or virtiofs root need not be able to; everything has been written in any case */
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
