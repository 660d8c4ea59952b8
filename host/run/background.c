/* SPDX-License-Identifier: MIT */
#include "host/run/background.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/log.h"
#include "host/run/helpers.h"
#include "host/run/machinefacts.h"
#include "host/run/qmp.h"
#include "host/system/atomicfile.h"
#include "host/system/output.h"
#include "host/system/process.h"
#include "host/system/signals.h"
#include "host/system/tree.h"

/* Time between two looks at a QEMU that starts, in milliseconds, and the time that its monitor has
 * for an answer. */
#define LOOK_INTERVAL 20
#define ANSWER_TIME   1000

/* Time that the foreground has to open the log, in milliseconds. */
#define OPEN_TIME 5000

/* The end of the log that is printed if a start fails, in bytes. */
#define LOG_END 4096

/* --- in the background --- */

static void leave_terminal(int parent, struct background *background)
{
    int null CLEANUP_CLOSE = open("/dev/null", O_RDWR | O_CLOEXEC);
    background->parent = parent;
    (void)setsid();
    (void)dup2(null, STDIN_FILENO);
    (void)dup2(null, STDOUT_FILENO);
}

/* Returns the directory of the logs, which it makes; the caller frees. */
static char *make_directory(const struct plan *plan, const char *name)
{
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    char *path CLEANUP_FREE = NULL;
    if (name && state && *state == '/')
        path = xasprintf("%s/run-vm/%s", state, name);
    else if (name && home && *home == '/')
        path = xasprintf("%s/.local/state/run-vm/%s", home, name);
    if (path && tree_make(path, 0700, NULL) == 0 && access(path, W_OK) == 0)
        return TAKE(path);
    return xstrdup(plan->cwd);
}

/* Makes an empty log, at which QEMU finds it by a link in its directory. Returns its path, which
 * the caller frees; NULL with the reason. */
static char *make_log(const char *directory, const char *name, const char *link, struct error *e)
{
    char *path CLEANUP_FREE = xasprintf("%s/%s", directory, name);
    int log CLEANUP_CLOSE = helpers_create_log(path);
    if (log < 0) {
        (void)error_errno(e, errno, "%s: cannot make the log", path);
        return NULL;
    }
    if (link && atomicfile_link(path, link, e) < 0)
        return NULL;
    return TAKE(path);
}

/* Sends the messages to the log. */
static int redirect(const char *path, struct error *e)
{
    int log CLEANUP_CLOSE = open(path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
    if (log < 0 || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
        return error_errno(e, errno, "%s", path);
    return 0;
}

/* Tells the name and the log, each with its final zero. Waits until the parent has opened the log,
 * which may be in a directory that goes with the machine; but not for one that is stopped. */
static void tell_parent(const struct background *background, const char *name)
{
    char byte;
    struct pollfd polled[] = {{background->parent, POLLIN, 0}, {signals_fd(), POLLIN, 0}};
    (void)file_write(background->parent, name, strlen(name) + 1);
    (void)file_write(background->parent, background->log, strlen(background->log) + 1);
    if (poll(polled, ELEMENTS(polled), OPEN_TIME) > 0 && polled[0].revents)
        (void)!read(background->parent, &byte, 1);
}

int background_settle(struct background *background, const struct plan *plan,
                      const struct registry *registry, struct error *e)
{
    if (background->parent < 0)
        return 0;
    char *directory CLEANUP_FREE = make_directory(plan, registry->name);
    background->log = make_log(directory, "run-vm.log", NULL, e);
    if (background->log && plan->console_log)
        background->console_log = make_log(directory, "console.log", plan->console_log, e);
    if (!background->log || (plan->console_log && !background->console_log))
        return -EIO;
    tell_parent(background, registry->name ? registry->name : "");
    int r = redirect(background->log, e);
    return r < 0 ? r : signals_check(e);
}

void background_publish(const struct background *background, struct registry *registry,
                        const struct plan *plan)
{
    json_t *facts = machinefacts_describe(plan);
    if (background->log)
        (void)json_object_set_new(facts, "log", json_string(background->log));
    if (background->console_log)
        (void)json_object_set_new(facts, "consoleLog", json_string(background->console_log));
    registry_publish(registry, "running", facts);
}

void background_free(struct background *background)
{
    cleanup_close(&background->parent);
    free(background->log);
    free(background->console_log);
    *background = (struct background){.parent = -1};
}

/* --- in the foreground --- */

/* A start as its caller sees it. */
struct started {
    pid_t pid;
    int told;        /* the socket */
    char text[8192]; /* name and log, each with its final zero */
    size_t length;
    const char *name; /* NULL: QEMU is not started yet */
    int log;          /* -1 */
};

/* Passes signals on, and reads what the process in the background tells, for some time. */
static void attend(struct started *s)
{
    struct pollfd polled[] = {{signals_fd(), POLLIN, 0}, {s->name ? -1 : s->told, POLLIN, 0}};
    (void)poll(polled, ELEMENTS(polled), LOOK_INTERVAL);
    if (polled[0].revents && signals_take())
        (void)kill(s->pid, SIGTERM);
    if (!polled[1].revents)
        return;
    ssize_t got = read(s->told, s->text + s->length, sizeof s->text - 1 - s->length);
    s->length += got > 0 ? (size_t)got : 0;
    const char *end = memchr(s->text, '\0', s->length);
    if (end && memchr(end + 1, '\0', s->length - (size_t)(end + 1 - s->text))) {
        s->name = s->text;
        s->log = open(end + 1, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        (void)file_write(s->told, "", 1);
    }
}

/* Prints the end of the log of a start that has failed. */
static void print_log(int log)
{
    char text[LOG_END];
    ssize_t got = file_read_tail(log, text, sizeof text);
    if (got > 0)
        (void)file_write(STDERR_FILENO, text, (size_t)got);
}

/* Says how the machine is reached. */
static int tell_name(const struct started *s)
{
    if (*s->name)
        (void)printf("%s runs in the background (pid %d): run-vm console %s, run-vm stop %s\n",
                     s->name, (int)s->pid, s->name, s->name);
    else
        (void)printf("the machine runs in the background: kill %d ends it\n", (int)s->pid);
    return output_finish();
}

/* Waits until QEMU answers, which it does when all of its devices have been made, or the process in
 * the background has ended. Returns the exit status. */
static int follow(struct started *s, const struct plan *plan)
{
    int end = 0;
    for (;;) {
        pid_t ended = waitpid(s->pid, &end, WNOHANG);
        if (ended == s->pid)
            break;
        if (s->name && qmp_execute(plan->qmp_socket, "query-status", ANSWER_TIME, NULL) == 0)
            return tell_name(s);
        attend(s);
    }
    print_log(s->log);
    if (process_exit_status(end) == 0)
        log_info("the machine has ended already");
    return process_exit_status(end);
}

int background_start(struct background *background, const struct plan *plan, int *status,
                     struct error *e)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return error_errno(e, errno, "a socket");
    struct started s = {.told = ends[0], .log = -1, .pid = fork()};
    if (s.pid == 0) {
        (void)close(ends[0]);
        leave_terminal(ends[1], background);
        return 0;
    }
    int number = errno;
    (void)close(ends[1]);
    signals_block();
    if (s.pid > 0)
        *status = follow(&s, plan);
    (void)close(ends[0]);
    cleanup_close(&s.log);
    return s.pid > 0 ? 1 : error_errno(e, number, "a process in the background");
}
