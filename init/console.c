/* SPDX-License-Identifier: MIT */
#include "init/console.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"

#define PREFIX "run-vm: "

/* Limits of a write to a console and of a drain: a console that blocks for longer is skipped. */
#define WRITE_PATIENCE_MS 1000
#define DRAIN_PATIENCE_S  2

/* The kernel refuses records longer than about 1,000 bytes (LOG_LINE_MAX). */
#define KMSG_LINE 900

struct console {
    char *path; /* owned */
    int fd;
    dev_t device; /* identifies a console that has two names */
    bool wraps;   /* line wrapping, which firmware leaves off, has been switched on */
    bool stuck;   /* the last write blocked: do not wait until a write succeeds */
};

static struct console consoles[8];
static size_t console_count;

/* Opens with O_NONBLOCK: the open of a serial line without carrier, and a write to a stopped one,
 * would block for ever. */
static int open_console(const char *path)
{
    return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static void add_console(const char *path)
{
    int fd = console_count < ELEMENTS(consoles) ? open_console(path) : -1;
    if (fd < 0)
        return;
    struct stat s;
    bool known = fstat(fd, &s) < 0 || !S_ISCHR(s.st_mode);
    for (size_t i = 0; i < console_count; i++)
        known = known || consoles[i].device == s.st_rdev;
    if (known)
        (void)close(fd);
    else
        consoles[console_count++] =
            (struct console){.path = xstrdup(path), .fd = fd, .device = s.st_rdev};
}

void console_open(const struct strv *names)
{
    console_close();
    for (size_t i = 0; i < names->count; i++) {
        char *name CLEANUP_FREE = xstrdup(names->items[i]);
        name[strcspn(name, ",")] = '\0'; /* the speed */
        char *path CLEANUP_FREE = xasprintf("/dev/%s", name);
        if (*name && !strstr(name, ".."))
            add_console(path);
    }
    if (console_count == 0)
        add_console("/dev/console");
    log_set_sink(console_log);
}

void console_reopen(void)
{
    for (size_t i = 0; i < console_count; i++) {
        (void)close(consoles[i].fd);
        consoles[i].fd = open_console(consoles[i].path);
        consoles[i].stuck = false;
    }
    console_become_standard();
}

/* Writes `text`, or as much of it as the console accepts before the time limit. */
static void write_console(struct console *console, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t n = write(console->fd, text, length);
        if (n > 0) {
            text += n;
            length -= (size_t)n;
            console->stuck = false;
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        struct pollfd poller = {.fd = console->fd, .events = POLLOUT};
        if (n == 0 || errno != EAGAIN || console->stuck)
            return;
        if (poll(&poller, 1, WRITE_PATIENCE_MS) <= 0 || !(poller.revents & POLLOUT)) {
            console->stuck = true;
            return;
        }
    }
}

void console_print(const char *text)
{
    /* the descriptors that the kernel opened, before the consoles are open */
    if (console_count == 0)
        (void)!write(STDERR_FILENO, text, strlen(text));
    for (size_t i = 0; i < console_count; i++)
        write_console(&consoles[i], text, strlen(text));
}

/* Opens /dev/kmsg for each record: the kernel limits each open file to ten records in five seconds.
 */
static void write_kmsg(enum log_level level, const char *line, size_t length)
{
    /* DEBUG keeps the kernel from repeating the message on the consoles, which have it already */
    int priority = level <= LOG_LEVEL_WARNING ? (int)level : LOG_LEVEL_DEBUG;
    int fd CLEANUP_CLOSE = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
    char record[KMSG_LINE + 32];
    int size = snprintf(record, sizeof record, "<%d>" PREFIX "%.*s", priority,
                        (int)(length < KMSG_LINE ? length : KMSG_LINE), line);
    if (fd >= 0)
        (void)!write(fd, record, (size_t)size);
}

static void wrap_lines(void)
{
    static const char on[] = "\033[?7h";
    for (size_t i = 0; i < console_count; i++) {
        if (!consoles[i].wraps)
            write_console(&consoles[i], on, sizeof on - 1);
        consoles[i].wraps = true;
    }
}

static void log_line(enum log_level level, const char *line, size_t length)
{
    char *text CLEANUP_FREE = xasprintf(PREFIX "%.*s\n", (int)length, line);
    wrap_lines();
    console_print(text);
    write_kmsg(level, line, length);
}

void console_log(enum log_level level, const char *message)
{
    for (const char *end; (end = strchr(message, '\n')); message = end + 1)
        log_line(level, message, (size_t)(end - message));
    log_line(level, message, strlen(message));
}

void console_log_plainly(const char *message)
{
    wrap_lines();
    console_print(PREFIX);
    console_print(message);
    console_print("\n");
    write_kmsg(LOG_LEVEL_ERROR, message, strlen(message));
}

static void ignore_alarm(int number)
{
    (void)number;
}

void console_drain(void)
{
    /* tcdrain(3) has no time limit; a signal without SA_RESTART interrupts it */
    struct sigaction interrupt = {.sa_handler = ignore_alarm};
    struct sigaction previous;
    (void)sigaction(SIGALRM, &interrupt, &previous);
    for (size_t i = 0; i < console_count; i++) {
        if (consoles[i].stuck)
            continue;
        (void)alarm(DRAIN_PATIENCE_S);
        (void)tcdrain(consoles[i].fd);
        (void)alarm(0);
    }
    (void)sigaction(SIGALRM, &previous, NULL);
}

/* False for a terminal that was hung up: it is always readable, but at its end. */
static bool is_alive(int fd)
{
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    return isatty(fd) && poll(&poller, 1, 0) >= 0 && !(poller.revents & (POLLHUP | POLLERR));
}

static int open_terminal(const char *path)
{
    int fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0 && is_alive(fd)) {
        (void)fcntl(fd, F_SETFL, O_RDWR);
        return fd;
    }
    cleanup_close(&fd);
    return -1;
}

int console_open_terminal(void)
{
    int fd = open_terminal("/dev/console");
    for (size_t i = console_count; fd < 0 && i-- > 0;)
        fd = open_terminal(consoles[i].path);
    return fd;
}

void console_become_standard(void)
{
    int fd = open("/dev/console", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0)
        (void)fcntl(fd, F_SETFL, O_RDWR);
    else
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int standard = 0; fd >= 0 && standard <= STDERR_FILENO; standard++)
        if (standard == fd)
            (void)fcntl(fd, F_SETFD, 0);
        else
            (void)dup2(fd, standard);
    if (fd > STDERR_FILENO)
        (void)close(fd);
}

int console_set_size(const char *size)
{
    unsigned int rows = 0;
    unsigned int columns = 0;
    int end = 0;
    if (sscanf(size, "%5ux%5u%n", &rows, &columns, &end) != 2 || size[end] || rows > USHRT_MAX ||
        columns > USHRT_MAX)
        return -EINVAL;
    const struct winsize window = {.ws_row = (unsigned short)rows,
                                   .ws_col = (unsigned short)columns};
    for (size_t i = 0; i < console_count; i++)
        (void)ioctl(consoles[i].fd, TIOCSWINSZ, &window);
    return 0;
}

void console_close(void)
{
    while (console_count > 0) {
        console_count--;
        (void)close(consoles[console_count].fd);
        free(consoles[console_count].path);
    }
}
