/* SPDX-License-Identifier: MIT */
#include "init/console.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "tests/unit/unit.h"

/* A terminal of our own: its master, and the name console= would have for it. */
static int open_terminal(struct strv *names, const char *suffix)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    assert_true(master >= 0);
    assert_int_equal(grantpt(master), 0);
    assert_int_equal(unlockpt(master), 0);
    strv_pushf(names, "%s%s", ptsname(master) + strlen("/dev/"), suffix);
    return master;
}

static void assert_got(int master, const char *expected)
{
    char text[256] = "";
    ssize_t n = read(master, text, sizeof text - 1);
    text[n < 0 ? 0 : n] = '\0';
    assert_string_equal(text, expected);
}

static void every_console_gets_the_text_once(void **state)
{
    (void)state;
    struct strv names CLEANUP_STRV = {0};
    int first = open_terminal(&names, "");
    int second = open_terminal(&names, ",115200n8");
    strv_push(&names, "no-such-console");
    strv_push(&names, "");
    strv_push(&names, "../etc/passwd");
    strv_push(&names, names.items[0]);
    console_open(&names);
    console_print("hello\n");
    assert_got(first, "hello\r\n");
    assert_got(second, "hello\r\n");
    console_close();
    (void)close(first);
    (void)close(second);
}

/* Nobody reads the terminal: only the first writes wait, and none of them for ever. */
static void a_console_that_is_stuck_stops_nothing(void **state)
{
    (void)state;
    struct strv names CLEANUP_STRV = {0};
    int stuck = open_terminal(&names, "");
    int well = open_terminal(&names, "");
    console_open(&names);
    static char text[4096];
    (void)memset(text, 'x', sizeof text - 1);
    for (int i = 0; i < 64; i++) {
        char taken[2 * sizeof text];
        console_print(text);
        while (read(well, taken, sizeof taken) > 0)
            ;
    }
    console_print("end\n");
    assert_got(well, "end\r\n");
    console_close();
    (void)close(stuck);
    (void)close(well);
}

/* The other end is gone, as when a modem hangs up. */
static void a_console_that_was_hung_up_stops_nothing(void **state)
{
    (void)state;
    struct strv names CLEANUP_STRV = {0};
    int master = open_terminal(&names, "");
    console_open(&names);
    (void)close(master);
    console_print("lost\n");
    console_close();
    console_print(""); /* to standard error, since there is no console */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_console_gets_the_text_once),
        cmocka_unit_test(a_console_that_is_stuck_stops_nothing),
        cmocka_unit_test(a_console_that_was_hung_up_stops_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
