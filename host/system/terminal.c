/* SPDX-License-Identifier: MIT */
#include "host/system/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"

int terminal_open_again(int fd)
{
    char path[32];
    if (!isatty(fd))
        return -1;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void terminal_save(struct terminal *terminal)
{
    *terminal = (struct terminal){0};
    for (int fd = 0; fd < 3; fd++) {
        terminal->flags[fd] = fcntl(fd, F_GETFL);
        terminal->saved[fd] = terminal->flags[fd] >= 0;
    }
    terminal->is_terminal = tcgetattr(STDIN_FILENO, &terminal->settings) == 0;
}

/* Sets the terminal. Blocks SIGTTOU, which would stop a process in the background that does so. */
static void set_terminal(const struct termios *settings)
{
    sigset_t background;
    sigset_t before;
    (void)sigemptyset(&background);
    (void)sigaddset(&background, SIGTTOU);
    (void)sigprocmask(SIG_BLOCK, &background, &before);
    while (tcsetattr(STDIN_FILENO, TCSADRAIN, settings) < 0 && errno == EINTR)
        ;
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
}

void terminal_make_raw(void)
{
    struct termios settings;
    if (tcgetattr(STDIN_FILENO, &settings) < 0)
        return;
    cfmakeraw(&settings);
    set_terminal(&settings);
}

/* Writes to the terminal behind stdout what it takes without a wait. */
static void tell_terminal(const char *sequences)
{
    int again CLEANUP_CLOSE = terminal_open_again(STDOUT_FILENO);
    int fd = again >= 0 ? again : STDOUT_FILENO;
    if (isatty(fd))
        (void)!write(fd, sequences, strlen(sequences));
}

void terminal_restore(const struct terminal *terminal)
{
    /* first, so that the write below does not fail with EAGAIN */
    for (int fd = 0; fd < 3; fd++)
        if (terminal->saved[fd])
            (void)fcntl(fd, F_SETFL, terminal->flags[fd]);
    if (terminal->is_terminal)
        set_terminal(&terminal->settings);
    /* the firmware's serial console switches line wrapping off, and never on again */
    tell_terminal("\033[?7h");
}

/* True if the terminal knows the sequences below. */
static bool has_modes(void)
{
    const char *term = getenv("TERM");
    return term && *term && !streq(term, "dumb");
}

void terminal_end_modes_for_shell(void)
{
    if (!has_modes())
        return;
    tell_terminal("\0337\033[r\0338" /* the margins, which takes the cursor home */
                  /* enters the alternate screen to leave it: outside of it, the second sequence
                   * alone takes the cursor to where the last program entered it */
                  "\033[?1049h\033[?1049l"
                  /* the mouse, focus events; keys of xterm's */
                  "\033[?9;1000;1002;1003;1004;1005;1006;1015l\033[>4m"
                  /* wraps lines, shows the cursor; letters instead of lines; no colours */
                  "\033[?7;25h\033(B\017\033[0m");
}

void terminal_end_modes(void)
{
    terminal_end_modes_for_shell();
    if (has_modes())
        tell_terminal("\033[?2004;1l\033>"); /* pasting, cursor keys; the keypad */
}

void terminal_end_line(void)
{
    tell_terminal("\r\n");
}

bool terminal_restore_from_raw(const struct terminal *terminal)
{
    struct termios now;
    bool raw = terminal->is_terminal && tcgetattr(STDIN_FILENO, &now) == 0 &&
               !(now.c_lflag & (tcflag_t)(ISIG | ICANON));
    if (raw)
        terminal_restore(terminal);
    return raw;
}
