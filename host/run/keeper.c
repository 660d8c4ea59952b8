/* SPDX-License-Identifier: MIT */
#include "host/run/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/system/terminal.h"
#include "host/system/tree.h"

/* Whether run-vm has ended by itself: it says so; one that is killed only hangs up. */
static bool has_ended(int fd)
{
    char word;
    ssize_t got;
    while ((got = read(fd, &word, 1)) < 0 && errno == EINTR)
        ;
    return got != 0;
}

/* Keeps nothing of run-vm's but the terminal and `fd`: its locks must end with it. */
static _Noreturn void keep(int fd, const struct strv *directories)
{
    struct terminal terminal;
    (void)setpgid(0, 0); /* whoever kills the process group means run-vm */
    (void)prctl(PR_SET_NAME, "run-vm-keeper");
    terminal_save(&terminal);
    if (fd != STDERR_FILENO + 1 && dup2(fd, STDERR_FILENO + 1) < 0)
        _exit(1);
    (void)close_range(STDERR_FILENO + 2, ~0U, 0);
    if (chdir("/") < 0 || has_ended(STDERR_FILENO + 1))
        _exit(0);
    terminal_restore_from_raw(&terminal);
    for (size_t i = directories->count; i-- > 0;)
        (void)tree_remove(directories->items[i], NULL);
    _exit(0);
}

void keeper_start(struct keeper *keeper, const struct strv *directories)
{
    int ends[2];
    keeper->fd = -1;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return;
    /* as nobody's child it is not one that run-vm waits for */
    pid_t child = fork();
    if (child == 0) {
        if (fork() == 0)
            keep(ends[0], directories);
        _exit(0);
    }
    while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    (void)close(ends[0]);
    /* to hang up without the word would be to die */
    if (child > 0)
        keeper->fd = ends[1];
    else
        (void)close(ends[1]);
}

void keeper_pass_on(const struct keeper *keeper)
{
    if (keeper->fd >= 0)
        (void)fcntl(keeper->fd, F_SETFD, 0);
}

void keeper_end(struct keeper *keeper)
{
    if (keeper->fd < 0)
        return;
    (void)!write(keeper->fd, "", 1);
    (void)close(keeper->fd);
    keeper->fd = -1;
}
