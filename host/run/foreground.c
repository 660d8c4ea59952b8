/* SPDX-License-Identifier: MIT */
#include "host/run/foreground.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "host/run/keeper.h"
#include "host/system/process.h"
#include "host/system/signals.h"
#include "host/system/terminal.h"

/* Waits for the program. Returns its exit status. `children` reports changes of its state. */
static int wait_for(pid_t pid, int children)
{
    for (;;) {
        struct pollfd polled[] = {{children, POLLIN, 0}, {signals_fd(), POLLIN, 0}};
        struct signalfd_siginfo info;
        int status = 0;
        pid_t changed = waitpid(pid, &status, WNOHANG | WUNTRACED);
        if (changed == pid && !WIFSTOPPED(status))
            return process_exit_status(status);
        if (changed == pid)
            (void)raise(SIGSTOP); /* the shell continues both */
        (void)poll(polled, ELEMENTS(polled), -1);
        while (read(children, &info, sizeof info) > 0)
            ;
        int number = signals_take();
        if (number)
            (void)kill(pid, number);
    }
}

int foreground_run(const struct strv *argv, struct error *e)
{
    const struct strv none = {0};
    struct keeper keeper CLEANUP_KEEPER = {.fd = -1, .shows_guest = true};
    struct terminal terminal;
    sigset_t set;
    sigset_t before;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    keeper_start(&keeper, &none, NULL);
    terminal_save(&terminal);
    (void)sigprocmask(SIG_BLOCK, &set, &before);
    int children CLEANUP_CLOSE = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    const struct process process = {.argv = argv, .keep_io = true, .death_signal = SIGHUP};
    pid_t pid = process_start(&process, e);
    int r = pid < 0 ? (int)pid : wait_for(pid, children);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    terminal_restore(&terminal);
    terminal_end_modes();
    return r;
}
