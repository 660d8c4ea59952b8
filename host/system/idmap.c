/* SPDX-License-Identifier: MIT */
#include "host/system/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/strv.h"
#include "host/system/tree.h"

/* Waits for a child. Returns its exit status, or -1. */
static int wait_for(pid_t pid)
{
    int status = 0;
    pid_t ended;
    do
        ended = waitpid(pid, &status, 0);
    while (ended < 0 && errno == EINTR);
    return ended == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* --- entering --- */

/* Enters a namespace in which only the user itself exists, which takes no privileges. */
static int enter_alone(const struct idmap *map)
{
    const struct idmap_row *user = &map->users[0];
    const struct idmap_row *group = &map->groups[0];
    char *users CLEANUP_FREE = xasprintf("%u %u 1", user->inside, user->outside);
    char *groups CLEANUP_FREE = xasprintf("%u %u 1", group->inside, group->outside);
    if (unshare(CLONE_NEWUSER) < 0)
        return -errno;
    int r = file_set("/proc/self/setgroups", "deny");
    if (r == 0)
        r = file_set("/proc/self/uid_map", users);
    return r == 0 ? file_set("/proc/self/gid_map", groups) : r;
}

/* Runs "PROGRAM PID ROW..." and returns its exit status. */
static int run_program(const char *program, pid_t pid, const struct idmap_row *rows, size_t count)
{
    struct strv argv CLEANUP_STRV = {0};
    strv_push(&argv, program);
    strv_pushf(&argv, "%d", (int)pid);
    for (size_t i = 0; i < count; i++) {
        strv_pushf(&argv, "%u", rows[i].inside);
        strv_pushf(&argv, "%u", rows[i].outside);
        strv_pushf(&argv, "%u", rows[i].count);
    }
    pid_t child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC); /* the caller says what failed */
        (void)dup2(null, STDERR_FILENO);
        (void)execv(program, argv.items);
        _exit(127);
    }
    return wait_for(child);
}

/* Runs both programs when the process `pid` has written to the pipe, and exits. */
static _Noreturn void map_from_outside(const struct idmap *map, pid_t pid, int pipe)
{
    char byte;
    if (read(pipe, &byte, 1) != 1)
        _exit(1);
    if (run_program(map->user_program, pid, map->users, map->rows) != 0 ||
        run_program(map->group_program, pid, map->groups, map->rows) != 0)
        _exit(1);
    _exit(0);
}

/* Enters a namespace whose map is written by the setuid programs, from outside. */
static int enter_by_programs(const struct idmap *map)
{
    int ends[2];
    pid_t self = getpid();
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    pid_t child = fork();
    if (child == 0) {
        (void)close(ends[1]);
        map_from_outside(map, self, ends[0]);
    }
    int r = child < 0 || unshare(CLONE_NEWUSER) < 0 ? -errno : 0;
    (void)close(ends[0]);
    if (r == 0 && write(ends[1], "", 1) != 1)
        r = -errno;
    (void)close(ends[1]);
    if (child > 0 && wait_for(child) != 0 && r == 0)
        r = -EPERM;
    return r;
}

/* Lets the program that is executed next have the privileges although it is not root. */
static int keep_privileges(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    if (syscall(SYS_capget, &header, data) < 0)
        return -errno;
    for (size_t i = 0; i < ELEMENTS(data); i++)
        data[i].inheritable = data[i].permitted;
    if (syscall(SYS_capset, &header, data) < 0)
        return -errno;
    for (unsigned long i = 0; i <= CAP_LAST_CAP; i++)
        if (data[i / 32].permitted & 1U << i % 32)
            (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0);
    return 0;
}

int idmap_enter(void *context)
{
    const struct idmap *map = context;
    int r = map->user_program ? enter_by_programs(map) : enter_alone(map);
    return r == 0 && map->keeps_user ? keep_privileges() : r;
}

/* --- short visits --- */

int idmap_try(const struct idmap *map)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(-idmap_enter((void *)map));
    int status = pid < 0 ? -1 : wait_for(pid);
    return status < 0 ? -EAGAIN : -status;
}

int idmap_remove_tree(const struct idmap *map, const char *path, struct error *e)
{
    int r = tree_remove(path, e);
    if (r == 0 || !map || !map->user_program)
        return r;
    pid_t pid = fork();
    if (pid == 0)
        _exit(idmap_enter((void *)map) == 0 && tree_remove(path, NULL) == 0 ? 0 : 1);
    if (pid < 0 || wait_for(pid) != 0)
        return r;
    error_free(e);
    return 0;
}

void idmap_free(struct idmap *map)
{
    free(map->user_program);
    free(map->group_program);
    *map = (struct idmap){0};
}
