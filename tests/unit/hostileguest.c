/* SPDX-License-Identifier: MIT */
#include "tests/unit/hostileguest.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "common/channel.h"

static void put(int fd, enum frame_type type, const void *payload, size_t length)
{
    unsigned char header[FRAME_HEADER];
    frame_header(header, type, length);
    if (send(fd, header, sizeof header, MSG_NOSIGNAL) != sizeof header ||
        send(fd, payload, length, MSG_NOSIGNAL) != (ssize_t)length)
        _exit(0); /* run-vm has hung up */
}

/* Until run-vm hangs up. */
static void wait_for_end(int fd)
{
    unsigned char bytes[4096];
    while (recv(fd, bytes, sizeof bytes, 0) > 0)
        ;
}

static void guest_says_nothing(int fd)
{
    (void)fd;
    (void)!write(STDOUT_FILENO, "\033[2JKernel panic\n", 17);
}

static void guest_sends_garbage(int fd)
{
    unsigned char bytes[4096];
    (void)memset(bytes, 0xaa, sizeof bytes);
    while (send(fd, bytes, sizeof bytes, MSG_NOSIGNAL) > 0)
        ;
    wait_for_end(fd);
    (void)pause(); /* even after the other end is closed */
}

static void guest_ignores_the_window(int fd)
{
    static unsigned char bytes[FRAME_MAX];
    put(fd, FRAME_READY, NULL, 0);
    for (;;)
        put(fd, FRAME_OUTPUT, bytes, sizeof bytes);
}

static void guest_acts_as_the_host(int fd)
{
    put(fd, FRAME_START, NULL, 0);
    wait_for_end(fd);
    (void)pause();
}

static void guest_never_powers_off(int fd)
{
    put(fd, FRAME_READY, NULL, 0);
    put(fd, FRAME_OUTPUT, "done", 4);
    put(fd, FRAME_EXIT, "\x05", 1);
    (void)pause();
}

static void guest_fails(int fd)
{
    static const char reason[] = "the root \033[31mis not there";
    put(fd, FRAME_FAILED, reason, strlen(reason));
    wait_for_end(fd);
}

/* A hundred megabytes on the console, and as many frames as it takes to count to a million. */
static void guest_floods(int fd)
{
    static char console[1 << 20];
    for (int i = 0; i < 100; i++)
        (void)!write(STDOUT_FILENO, console, sizeof console);
    put(fd, FRAME_READY, NULL, 0);
    for (int i = 0; i < 1000000; i += 50) {
        unsigned char many[50 * FRAME_HEADER];
        for (size_t j = 0; j < 50; j++)
            frame_header(many + j * FRAME_HEADER, FRAME_READY, 0);
        (void)!send(fd, many, sizeof many, MSG_NOSIGNAL);
    }
    put(fd, FRAME_EXIT, "\0", 1);
    wait_for_end(fd);
}

/* An impatient user: SIGTERM, and another one after the first was passed to the command. */
static void lose_patience(unsigned int times)
{
    for (unsigned int i = 0; i < times; i++) {
        (void)kill(getppid(), SIGTERM);
        (void)poll(NULL, 0, 300); /* two at the same instant count as one */
    }
    (void)pause();
}

static void guest_is_silent(int fd)
{
    (void)fd;
    lose_patience(1);
}

static void guest_is_deaf(int fd)
{
    put(fd, FRAME_READY, NULL, 0);
    lose_patience(2);
}

/* It falls asleep: a signal is not taken, whatever the kernel still has to say. */
static void guest_is_asleep(int fd)
{
    put(fd, FRAME_READY, NULL, 0);
    (void)kill(getppid(), SIGTERM);
    (void)poll(NULL, 0, 20);
    (void)!write(STDOUT_FILENO, "PM: suspend entry\n", 18);
    (void)pause();
}

/* Takes the signal, for which the command does not end at once. */
static void guest_takes_its_time(int fd)
{
    for (int i = 0; i < 20; i++) {
        if (i == 3)
            (void)kill(getppid(), SIGTERM);
        put(fd, FRAME_READY, NULL, 0);
        (void)poll(NULL, 0, HOSTILEGUEST_PATIENCE / 10);
    }
    put(fd, FRAME_EXIT, "\x05", 1);
    wait_for_end(fd);
}

static void guest_hangs_up(int fd)
{
    put(fd, FRAME_READY, NULL, 0);
    (void)close(fd);
    lose_patience(2);
}

static void guest_talks_after_its_end(int fd)
{
    static const char more[] = "after the end";
    put(fd, FRAME_READY, NULL, 0);
    put(fd, FRAME_OUTPUT, "done", 4);
    put(fd, FRAME_EXIT, "\x05", 1);
    put(fd, FRAME_OUTPUT, more, strlen(more));
    put(fd, FRAME_EXIT, "\x06", 1);
    put(fd, FRAME_FAILED, more, strlen(more));
    wait_for_end(fd);
}

/* On a terminal, with a guest that reads no input and never ends. */
static void guest_takes_no_input(int fd)
{
    static const unsigned char stream = FRAME_INPUT;
    put(fd, FRAME_READY, NULL, 0);
    put(fd, FRAME_CLOSED, &stream, 1);
    put(fd, FRAME_OUTPUT, "now", 3);
    (void)pause();
}

/* More output than an unread terminal holds. */
static void guest_fills_the_terminal(int fd)
{
    static unsigned char bytes[FRAME_MAX];
    (void)memset(bytes, 'x', sizeof bytes);
    put(fd, FRAME_READY, NULL, 0);
    put(fd, FRAME_OUTPUT, bytes, sizeof bytes);
    (void)poll(NULL, 0, 500);
    lose_patience(2);
}

/* Bytes that no guest may send, after FRAME_READY. */
#define BYTES(text)                                                                                \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
static const struct {
    const char *bytes;
    size_t length;
} forbidden[] = {
    BYTES("\x10\0\0\0\x01\0\x02\0"),                  /* FRAME_MAX + 1 bytes of output */
    BYTES("\x10\0\0\0\xff\xff\xff\xff"),              /* 4 GiB */
    BYTES("\0\0\0\0\0\0\0\0"),                        /* no type */
    BYTES("\x15\0\0\0\0\0\0\0"),                      /* one more than there are */
    BYTES("\xff\0\0\0\0\0\0\0"),                      /* the last one */
    BYTES("\x14\x01\0\0\0\0\0\0"),                    /* no zeros after the type */
    BYTES("\x12\0\0\0\0\0\0\0"),                      /* exit without a status */
    BYTES("\x12\0\0\0\x02\0\0\0\0\x01"),              /* with 256 */
    BYTES("\x12\0\0\0\x04\0\0\0\xff\xff\xff\xff"),    /* with -1 */
    BYTES("\x01\0\0\0\x02\0\0\0ls"),                  /* an argument, as the host */
    BYTES("\x04\0\0\0\x02\0\0\0ls"),                  /* input */
    BYTES("\x06\0\0\0\x01\0\0\0\x09"),                /* a signal */
    BYTES("\x08\0\0\0\x05\0\0\0\x04\0\0\x10\0"),      /* took more than was sent */
    BYTES("\x08\0\0\0\x05\0\0\0\x10\0\0\0\0"),        /* took from its own stream */
    BYTES("\x08\0\0\0\x01\0\0\0\x04"),                /* took what? */
    BYTES("\x09\0\0\0\x01\0\0\0\x10"),                /* closes its own stream */
    BYTES("\x09\0\0\0\x01\0\0\0\xff"),                /* closes none */
    BYTES("\x09\0\0\0\0\0\0\0"),                      /* closes what? */
    BYTES("\x10\0\0\0\0\0\0\0\x10\0\0\0\x01\0\0\0x"), /* output after its end */
};

static void send_forbidden(int fd, const char *number)
{
    size_t i = strtoul(number, NULL, 10);
    put(fd, FRAME_READY, NULL, 0);
    (void)send(fd, forbidden[i].bytes, forbidden[i].length, MSG_NOSIGNAL);
    wait_for_end(fd);
    (void)pause();
}

/* A frame without its end: then QEMU is gone. */
static void guest_breaks_off(int fd)
{
    unsigned char header[FRAME_HEADER];
    frame_header(header, FRAME_EXIT, 1);
    put(fd, FRAME_READY, NULL, 0);
    (void)send(fd, header, sizeof header, MSG_NOSIGNAL);
}

static const struct {
    const char *name;
    void (*run)(int fd);
} guests[] = {
    {"says-nothing", guest_says_nothing},
    {"sends-garbage", guest_sends_garbage},
    {"ignores-the-window", guest_ignores_the_window},
    {"acts-as-the-host", guest_acts_as_the_host},
    {"never-powers-off", guest_never_powers_off},
    {"fails", guest_fails},
    {"floods", guest_floods},
    {"is-silent", guest_is_silent},
    {"is-deaf", guest_is_deaf},
    {"is-asleep", guest_is_asleep},
    {"takes-its-time", guest_takes_its_time},
    {"hangs-up", guest_hangs_up},
    {"talks-after-its-end", guest_talks_after_its_end},
    {"takes-no-input", guest_takes_no_input},
    {"fills-the-terminal", guest_fills_the_terminal},
    {"breaks-off", guest_breaks_off},
};

const size_t hostileguest_forbidden_count = ELEMENTS(forbidden);

int hostileguest_run(const char *name)
{
    const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = HOSTILEGUEST_SOCKET};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0)
        return 1;
    for (size_t i = 0; i < ELEMENTS(guests); i++)
        if (streq(guests[i].name, name))
            guests[i].run(fd);
    if (*name >= '0' && *name <= '9')
        send_forbidden(fd, name);
    return 0;
}
