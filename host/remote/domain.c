/* SPDX-License-Identifier: MIT */
#include "host/remote/domain.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "host/run/consolescreen.h"
#include "host/system/message.h"
#include "host/system/process.h"
#include "host/system/signals.h"

/* Time between two looks at a domain, in milliseconds. */
#define INTERVAL 500

/* --- states --- */

/* Returns the domain's state and its reason, as virsh prints them: "running (booted)", "shut off
 * (shutdown)". The caller frees. NULL: there is no such domain, or libvirt does not answer. */
static char *find_state(const struct virsh *virsh, const char *name)
{
    char *output CLEANUP_FREE = virsh_ask(virsh, "domstate", "--reason", name, NULL);

    return output ? xstrndup(output, strcspn(output, "\n")) : NULL;
}

/* True if a state is one of a machine that has ended. */
static bool is_off(const char *state)
{
    return startswith(state, "shut off") || startswith(state, "crashed");
}

char *domain_choose(const struct virsh *virsh, const struct strv *words, struct error *e)
{
    if (words->count)
        return xstrdup(words->items[0]);
    if (virsh->running.count == 1)
        return xstrdup(virsh->running.items[0]);
    (void)error_set(e, -EINVAL, "%s: %s; expected the name of a machine", virsh->uri,
                    virsh->running.count ? "more than one machine runs there"
                                         : "no machine runs there");
    (void)error_status(e, -EINVAL, STATUS_USAGE);
    return NULL;
}

/* Waits between two looks. Returns false if a signal asks run-vm to end. */
static bool pause_looking(void)
{
    struct pollfd polled = {signals_fd(), POLLIN, 0};

    return poll(&polled, 1, INTERVAL) == 0;
}

/* --- start and stop --- */

void domain_tell(const struct virsh *virsh, const char *name)
{
    log_info("%s runs on %s: run-vm console --connect %s %s, run-vm stop --connect %s %s", name,
             virsh->uri, virsh->word, name, virsh->word, name);
}

int domain_start(const struct virsh *virsh, const char *name, struct error *e)
{
    char *output CLEANUP_FREE = virsh_call(virsh, e, "start", name, NULL);

    return output ? 0 : -EPROTO;
}

static enum domain_end end_of(const char *state)
{
    if (!is_off(state))
        return DOMAIN_RUNS;
    return streq(state, "shut off (shutdown)") ? DOMAIN_POWERED_DOWN : DOMAIN_ENDED;
}

/* Waits at most so many seconds for the end of the machine. Returns 0, or a negative errno with the
 * reason. */
static int wait_until_off(const struct virsh *virsh, const char *name, uint64_t seconds,
                          enum domain_end *end, struct error *e)
{
    int64_t until = clock_milliseconds() + (int64_t)seconds * 1000;

    for (;;) {
        char *state CLEANUP_FREE = find_state(virsh, name);

        if (!state)
            return error_set(e, -EPROTO, "%s: %s: its state is not known", virsh->uri, name);
        *end = end_of(state);
        if (*end != DOMAIN_RUNS || clock_milliseconds() >= until)
            return 0;
        if (!pause_looking())
            return signals_check(e);
    }
}

int domain_stop(const struct virsh *virsh, const char *name, uint64_t seconds, bool kill,
                enum domain_end *end, struct error *e)
{
    char *asked CLEANUP_FREE = virsh_call(virsh, e, "shutdown", name, NULL);
    int r = asked ? wait_until_off(virsh, name, seconds, end, e) : -EPROTO;

    if (r < 0 || *end != DOMAIN_RUNS || !kill)
        return r;
    char *killed CLEANUP_FREE = virsh_call(virsh, e, "destroy", name, NULL);
    *end = DOMAIN_ENDED;
    return killed ? 0 : -EPROTO;
}

/* --- the console --- */

/* Opens a pseudoterminal, which virsh wants to show a console. It echoes nothing. Returns its
 * leading end, which is non-blocking, or a negative errno; `other` is virsh's end. */
static int open_terminal(int *other)
{
    int leading CLEANUP_CLOSE = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    struct termios settings;

    if (leading < 0 || grantpt(leading) < 0 || unlockpt(leading) < 0)
        return -errno;
    char path[64];
    int number = ptsname_r(leading, path, sizeof path);
    if (number)
        return -number;
    *other = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (*other < 0 || tcgetattr(*other, &settings) < 0)
        return -errno;
    cfmakeraw(&settings);
    settings.c_oflag |= OPOST | ONLCR; /* virsh's own lines */
    (void)tcsetattr(*other, TCSANOW, &settings);
    return TAKE_FD(leading);
}

/* Starts virsh on a pseudoterminal. Returns its pid, or a negative errno with the reason. */
static pid_t start_virsh(const struct virsh *virsh, const char *name, bool start, int *leading,
                         struct error *e)
{
    const char *const words[] = {"virsh",
                                 "--quiet",
                                 "--connect",
                                 virsh->uri,
                                 start ? "start" : "console",
                                 name,
                                 start ? "--console" : "--safe"};
    struct strv argv CLEANUP_STRV = {0};
    int other CLEANUP_CLOSE = -1;

    for (size_t i = 0; i < ELEMENTS(words); i++)
        strv_push(&argv, words[i]);
    *leading = open_terminal(&other);
    if (*leading < 0)
        return (pid_t)error_errno(e, -*leading, "a terminal for virsh");
    const struct process process = {.argv = &argv,
                                    .input = other,
                                    .output = other,
                                    .errors_to_output = true,
                                    .hold_signals = true};
    return process_start(&process, e);
}

/* Waits for the end of a machine whose console has ended, because virsh `failed` or not. Returns
 * the exit status. */
static int tell_end(const struct virsh *virsh, const char *name, bool failed)
{
    for (;;) {
        char *state CLEANUP_FREE = find_state(virsh, name);

        if (!state) {
            log_error("%s: %s: its state is not known; it may run on", virsh->uri, name);
            return STATUS_UNAVAILABLE;
        }
        if (failed && is_off(state))
            return STATUS_UNAVAILABLE; /* virsh has said why it could not start the machine */
        if (is_off(state)) {
            bool by_guest = end_of(state) == DOMAIN_POWERED_DOWN;
            log_info("%s: %s", name, by_guest ? "the guest has powered down" : state);
            return by_guest ? 0 : 1;
        }
        if (!pause_looking()) {
            domain_tell(virsh, name);
            return 128 + signals_take();
        }
    }
}

int domain_show_console(const struct virsh *virsh, const char *name, bool start)
{
    struct error e CLEANUP_ERROR = {0};
    struct consolescreen screen;
    int leading CLEANUP_CLOSE = -1;
    int status = 0;
    pid_t pid = start_virsh(virsh, name, start, &leading, &e);

    if (pid < 0)
        return message_report(&e, STATUS_IO);
    consolescreen_open(&screen);
    log_info("%s: its console; %s", name,
             screen.keys ? "Ctrl-] leaves it" : "until the machine ends");
    consolescreen_enter(&screen);
    enum consolerelay_end end = consolerelay_run(leading, screen.keys);
    consolescreen_close(&screen);
    if (end != CONSOLERELAY_HUNG_UP)
        (void)kill(pid, SIGKILL);
    (void)waitpid(pid, &status, 0);
    if (end == CONSOLERELAY_HUNG_UP)
        return tell_end(virsh, name, status != 0);
    domain_tell(virsh, name);
    return end == CONSOLERELAY_SIGNALLED ? 128 + signals_take() : 0;
}
