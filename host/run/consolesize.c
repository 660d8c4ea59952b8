/* SPDX-License-Identifier: MIT */
#include "host/run/consolesize.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "host/run/agentclient.h"
#include "host/system/signals.h"

/* Time that the agent of a guest that is booting has to answer, in milliseconds. */
#define PATIENCE 600000

/* Returns false if there is no more use in trying. */
static bool tell(const char *name)
{
    struct registry_machine found CLEANUP_MACHINE = {0};
    struct winsize size = {0};
    if (registry_find(&found, name, NULL) < 0 || ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0)
        return false;
    const struct agentclient_machine machine = {.found = &found,
                                                .socket = registry_text(&found, "agent"),
                                                .patience = PATIENCE,
                                                .end = clock_milliseconds() + PATIENCE};
    if (!machine.socket)
        return false;
    return size.ws_row == 0 ||
           agentclient_resize_console(&machine, size.ws_row, size.ws_col, NULL) != -ECANCELED;
}

static _Noreturn void follow(const char *name, int resizes, bool changes)
{
    struct pollfd polled[] = {{resizes, POLLIN, 0}, {signals_fd(), POLLIN, 0}};
    struct signalfd_siginfo info;
    bool more = changes || tell(name);
    while (more && (poll(polled, ELEMENTS(polled), -1) > 0 || errno == EINTR)) {
        while (read(resizes, &info, sizeof info) > 0)
            ;
        more = !polled[1].revents && tell(name);
    }
    _exit(0);
}

/* `changes`: from the next change on. */
static void start(struct consolesize *size, const char *name, bool changes)
{
    sigset_t resizes;
    sigset_t before;
    pid_t parent = getpid();
    if (!isatty(STDIN_FILENO))
        return;
    (void)sigemptyset(&resizes);
    (void)sigaddset(&resizes, SIGWINCH);
    (void)sigprocmask(SIG_BLOCK, &resizes, &before);
    size->pid = fork();
    if (size->pid == 0) {
        (void)prctl(PR_SET_NAME, "run-vm-size");
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
            _exit(1);
        follow(name, signalfd(-1, &resizes, SFD_CLOEXEC | SFD_NONBLOCK), changes);
    }
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
}

void consolesize_start(struct consolesize *size, const char *name)
{
    start(size, name, false);
}

void consolesize_start_first(struct consolesize *size, const struct plan *plan, const char *name)
{
    if (name && plan->agent_socket && plan_shows_guest(plan))
        start(size, name, plan->quiet);
}

void consolesize_end(struct consolesize *size)
{
    if (size->pid <= 0)
        return;
    (void)kill(size->pid, SIGKILL);
    while (waitpid(size->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    size->pid = 0;
}
