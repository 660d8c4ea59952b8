/* SPDX-License-Identifier: MIT */
#include "host/run/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/system/terminal.h"

/* Waits for run-vm. True if it wrote a byte, which means that it has cleaned up; a run-vm that is
 * killed only closes the socket. */
static bool has_ended(int fd)
{
    char byte;
    ssize_t got;
    while ((got = read(fd, &byte, 1)) < 0 && errno == EINTR)
        ;
    return got > 0; /* an error: it was killed before it read the keeper's byte */
}

/* The keeper's life. Closes every descriptor but the terminal and `fd`, since run-vm's locks must
 * be released when it dies, and says so by a byte. */
static _Noreturn void keep(int fd, const struct keeper *keeper, const struct terminal *terminal,
                           const struct strv *directories, const struct idmap *identities)
{
    (void)setpgid(0, 0); /* a signal to the process group is meant for run-vm */
    (void)prctl(PR_SET_NAME, "run-vm-keeper");
    /* a caller that reads the messages of a machine in the background reads them to their end */
    if (keeper->background)
        (void)dup2(STDOUT_FILENO, STDERR_FILENO);
    if (fd != STDERR_FILENO + 1 && dup2(fd, STDERR_FILENO + 1) < 0)
        _exit(1);
    (void)close_range(STDERR_FILENO + 2, ~0U, 0);
    (void)!write(STDERR_FILENO + 1, "", 1);
    if (chdir("/") < 0 || has_ended(STDERR_FILENO + 1))
        _exit(0);
    bool first = terminal_restore_from_raw(terminal);
    /* also if a shell has set up the terminal by now: it knows nothing of most of them */
    if (keeper->shows_guest && terminal->is_terminal) {
        if (first)
            terminal_end_modes();
        else
            terminal_end_modes_for_shell();
    }
    for (size_t i = directories->count; i-- > 0;)
        (void)idmap_remove_tree(identities, directories->items[i], NULL);
    _exit(0);
}

void keeper_start(struct keeper *keeper, const struct strv *directories,
                  const struct idmap *identities)
{
    int ends[2];
    struct terminal terminal;
    terminal_save(&terminal); /* here: the caller may make it raw before the keeper runs */
    keeper->fd = -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return;
    pid_t child = fork(); /* nobody waits for it: run-vm waits for other children, by their ids */
    if (child == 0)
        keep(ends[0], keeper, &terminal, directories, identities);
    (void)close(ends[0]);
    char byte;
    while (child > 0 && read(ends[1], &byte, 1) < 0 && errno == EINTR)
        ;
    /* closing it without having written means that run-vm was killed */
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
