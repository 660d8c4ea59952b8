/* SPDX-License-Identifier: MIT */
#include "host/run/helpers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "host/system/process.h"

/* Time that a helper has to exit after QEMU, in milliseconds. */
#define EXIT_TIME 100

/* On a kernel without pidfds the helper's exit goes unnoticed until QEMU's. */
void helpers_add(struct helper_list *helpers, struct helper helper)
{
    struct epoll_event event = {.events = EPOLLIN};
    if (helpers->ended < 0)
        helpers->ended = epoll_create1(EPOLL_CLOEXEC);
    helper.end = pidfd_open(helper.pid, 0);
    helpers->items = xreallocarray(helpers->items, helpers->count + 1, sizeof *helpers->items);
    helpers->items[helpers->count++] = helper;
    if (helper.end >= 0)
        (void)epoll_ctl(helpers->ended, EPOLL_CTL_ADD, helper.end, &event);
}

/* Creates the file anew: others may write to the directory (USE_TMPDIR), and an existing file may
 * be a link. */
int helpers_create_log(const char *path)
{
    (void)unlink(path);
    return open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/* Logs the last lines of a helper's output. */
static void print_log(const struct helper *helper)
{
    int fd = open(helper->log, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    FILE *log CLEANUP_FCLOSE = fd < 0 ? NULL : fdopen(fd, "r");
    char *line CLEANUP_FREE = NULL;
    size_t size = 0;
    if (log && fseek(log, -2000, SEEK_END) < 0)
        rewind(log);
    while (log && getline(&line, &size, log) > 0) {
        line[strcspn(line, "\n")] = '\0';
        log_warning("%s: %s", helper->program, line);
    }
}

/* True if the helper has exited. Logs a failure, with its output. */
static bool has_ended(struct helper *helper)
{
    struct error e CLEANUP_ERROR = {0};
    int status = 0;
    if (helper->pid == 0)
        return true;
    if (waitpid(helper->pid, &status, WNOHANG) != helper->pid)
        return false;
    helper->pid = 0;
    if (process_check_end(status, helper->name, &e) < 0) {
        log_error("%s", e.message);
        print_log(helper);
    }
    return true;
}

void helpers_report(struct helper_list *helpers)
{
    for (size_t i = 0; i < helpers->count; i++)
        if (has_ended(&helpers->items[i]))
            log_error("%s: exited before QEMU", helpers->items[i].name);
}

static void stop_one(struct helper *helper)
{
    struct pollfd end = {helper->end, POLLIN, 0};
    /* it may have closed its socket, which QEMU sees, before it exits */
    if (helper->pid != 0 && helper->end >= 0)
        (void)poll(&end, 1, EXIT_TIME);
    if (has_ended(helper))
        return;
    (void)kill(helper->pid, SIGKILL);
    while (waitpid(helper->pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

void helpers_stop(struct helper_list *helpers)
{
    for (size_t i = 0; i < helpers->count; i++) {
        struct helper *helper = &helpers->items[i];
        stop_one(helper);
        cleanup_close(&helper->end);
        free(helper->name);
        free(helper->log);
    }
    free(helpers->items);
    cleanup_close(&helpers->ended);
    *helpers = (struct helper_list){.ended = -1};
}
