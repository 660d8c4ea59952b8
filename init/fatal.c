/* SPDX-License-Identifier: MIT */
#include "init/fatal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/strv.h"
#include "common/report.h"
#include "init/console.h"
#include "init/report.h"

static enum on_fail configured_action = ON_FAIL_PROMPT;
static bool shell_allowed;
static fatal_report *report_to;

void fatal_configure(enum on_fail action, bool allow_shell)
{
    configured_action = action;
    shell_allowed = allow_shell;
}

void fatal_tell(fatal_report *report)
{
    report_to = report;
}

/* Exits, which for PID 1 is a kernel panic; panic= on the command line can turn that into a reboot.
 */
static _Noreturn void end_in_panic(void)
{
    console_drain();
    sync();
    _exit(EXIT_FAILURE);
}

static _Noreturn void end_by_reboot(int command)
{
    console_drain();
    sync();
    (void)reboot(command);
    log_error("the machine cannot be switched off or restarted: %s", strerror(errno));
    end_in_panic();
}

static const char *const shells[] = {"/bin/sh", "/bin/bash", "/bin/ash", "/bin/busybox"};

static const char *find_shell(void)
{
    for (size_t i = 0; i < ELEMENTS(shells); i++)
        if (access(shells[i], X_OK) == 0)
            return shells[i];
    return NULL;
}

/* Executes a shell in a new session with the console as its terminal, so that job control works. */
static _Noreturn void exec_shell(const char *shell, int terminal)
{
    (void)setsid();
    (void)ioctl(terminal, TIOCSCTTY, 1);
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        (void)dup2(terminal, fd);
    struct strv argv CLEANUP_STRV = {0};
    struct strv environment CLEANUP_STRV = {0};
    strv_push(&argv, "sh"); /* busybox is a shell by this name too */
    strv_split(&environment, "HOME=/ PATH=/bin:/sbin:/usr/bin:/usr/sbin TERM=linux", ' ');
    report_close();
    (void)execve(shell, argv.items, environment.items);
    log_error("%s: cannot be started: %s", shell, strerror(errno));
    _exit(127);
}

/* Waits for the shell, and reaps its orphaned children. */
static void wait_for(pid_t child)
{
    for (;;) {
        pid_t ended = waitpid(-1, NULL, 0);
        if (ended == child || (ended < 0 && errno != EINTR))
            return;
    }
}

static void run_shell(const char *shell, int terminal)
{
    pid_t child = fork();
    if (child == 0)
        exec_shell(shell, terminal);
    if (child < 0)
        log_error("%s: cannot be started: %s", shell, strerror(errno));
    else
        wait_for(child);
    console_reopen();
}

/* Reads one key, without waiting for the end of a line; 0 if the console cannot be read. */
static char read_key(int terminal)
{
    struct termios cooked;
    bool changed = tcgetattr(terminal, &cooked) == 0;
    if (changed) {
        struct termios raw = cooked;
        raw.c_lflag &= ~(tcflag_t)ICANON;
        raw.c_cc[VMIN] = 1;
        raw.c_cc[VTIME] = 0;
        (void)tcsetattr(terminal, TCSANOW, &raw);
    }
    char key = 0;
    ssize_t n;
    do
        n = read(terminal, &key, 1);
    while (n < 0 && errno == EINTR);
    if (changed)
        (void)tcsetattr(terminal, TCSANOW, &cooked);
    return n == 1 ? key : 0;
}

static void print_menu(bool shell)
{
    console_print("\nPress one of these keys:\n");
    if (shell)
        console_print("  i  an interactive shell; the boot goes on when it ends\n"
                      "  f  the same as PID 1, to start stage 2 by hand\n");
    console_print("  r  reboot\n"
                  "  p  switch the machine off\n"
                  "  *  any other key: ignore the error and go on\n");
}

static void prompt(bool allow_shell)
{
    const char *shell = allow_shell ? find_shell() : NULL;
    if (allow_shell && !shell)
        log_warning("the initrd has no shell to offer");
    int terminal CLEANUP_CLOSE = console_open_terminal();
    print_menu(shell);
    char key = terminal < 0 ? 0 : read_key(terminal);
    if (key == 0) {
        log_error("no console can be read to ask what to do: switching off");
        end_by_reboot(RB_POWER_OFF);
    }
    if (key == 'r')
        end_by_reboot(RB_AUTOBOOT);
    if (key == 'p')
        end_by_reboot(RB_POWER_OFF);
    if (key == 'f' && shell)
        exec_shell(shell, terminal);
    if (key == 'i' && shell)
        run_shell(shell, terminal);
    log_warning("going on");
}

void fatal(const char *reason)
{
    report_clock();
    int r = report_send(REPORT_FAILED, reason);
    if (r < 0)
        log_warning(
            "the host's run-vm cannot be told that the boot failed, and will not report it: "
            "I/O ports: %s",
            strerror(-r));
    log_error("%s", reason);
    console_drain();
    if (report_to)
        report_to(reason);
    switch (configured_action) {
    case ON_FAIL_POWEROFF:
        end_by_reboot(RB_POWER_OFF);
    case ON_FAIL_REBOOT:
        end_by_reboot(RB_AUTOBOOT);
    case ON_FAIL_PANIC:
        end_in_panic();
    case ON_FAIL_PROMPT:
        prompt(shell_allowed);
    }
}

_Noreturn void fatal_without_memory(const char *reason)
{
    (void)report_send(REPORT_FAILED, reason);
    console_log_plainly(reason);
    if (configured_action == ON_FAIL_PANIC)
        end_in_panic();
    end_by_reboot(configured_action == ON_FAIL_REBOOT ? RB_AUTOBOOT : RB_POWER_OFF);
}

void fatal_stop_for_debugging(const char *where)
{
    log_warning("stopped %s, as asked on the command line", where);
    prompt(true);
}

_Noreturn void fatal_power_off(void)
{
    end_by_reboot(RB_POWER_OFF);
}
