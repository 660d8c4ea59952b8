/* SPDX-License-Identifier: MIT */
#include "host/run/consolescreen.h"

#include <unistd.h>

#include "base/strv.h"

void consolescreen_open(struct consolescreen *screen)
{
    const struct strv none = {0};

    *screen = (struct consolescreen){.keys = isatty(STDIN_FILENO),
                                     .keeper = {.fd = -1, .shows_guest = true}};
    if (screen->keys)
        keeper_start(&screen->keeper, &none, NULL);
    terminal_save(&screen->terminal);
}

void consolescreen_enter(const struct consolescreen *screen)
{
    if (screen->keys)
        terminal_make_raw();
}

void consolescreen_close(struct consolescreen *screen)
{
    terminal_restore(&screen->terminal);
    if (screen->keys) {
        terminal_end_modes();
        terminal_end_line();
    }
    keeper_end(&screen->keeper);
}
