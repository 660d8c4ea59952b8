/* SPDX-License-Identifier: MIT */
#include "host/run/virtiofsd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/text.h"
#include "host/system/namespace.h"
#include "host/system/process.h"
#include "host/system/unixsocket.h"

/* Time that a server has to exit after QEMU, in milliseconds. */
#define EXIT_TIME 100

/* A process.enter: gives the server a mount namespace of its own, in which nothing at or below
 * the directory can be written if the share is read-only. */
static int enter_namespace(void *context)
{
    const char *read_only = context; /* the directory; NULL: it may be written */
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
    if (!namespace_enter())
        return -errno;
    if (read_only &&
        (mount(read_only, read_only, NULL, MS_BIND | MS_REC, NULL) < 0 ||
         mount_setattr(AT_FDCWD, read_only, AT_RECURSIVE, &attributes, sizeof attributes) < 0))
        return -errno;
    return 0;
}

/* "source=DIRECTORY,…" for virtiofsd's -o, in which a backslash escapes; the caller frees. */
static char *source_option(const char *directory)
{
    char *escaped CLEANUP_FREE = text_escape(directory, ",\\", TEXT_BACKSLASH);
    return xasprintf("source=%s", escaped);
}

/* Adds a server. On a kernel without pidfds its exit goes unnoticed until QEMU's. */
static void add_server(struct virtiofsd_list *servers, pid_t pid, const char *source, char *log)
{
    char *name = xasprintf("virtiofsd for %s", source);
    struct epoll_event event = {.events = EPOLLIN};
    int end = pidfd_open(pid, 0);
    servers->items = xreallocarray(servers->items, servers->count + 1, sizeof *servers->items);
    servers->items[servers->count++] = (struct virtiofsd){pid, end, name, log};
    if (end >= 0)
        (void)epoll_ctl(servers->ended, EPOLL_CTL_ADD, end, &event);
}

/* Creates the file anew: others may write to the directory (USE_TMPDIR), and an existing file may
 * be a link. */
static int create_log(const char *path)
{
    (void)unlink(path);
    return open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/* The server's command; its socket is its standard input. */
static void build_argv(struct strv *argv, const struct plan_server *server, const char *directory)
{
    char *source CLEANUP_FREE = source_option(directory);
    const char *const common[] = {server->program, "-f", "--fd=0",        "-o",
                                  source,          "-o", "log_level=warn"};
    for (size_t i = 0; i < ELEMENTS(common); i++)
        strv_push(argv, common[i]);
    if (server->announce) {
        strv_push(argv, "-o");
        strv_push(argv, "announce_submounts");
    }
}

static int start_one(struct virtiofsd_list *servers, const struct plan_server *server,
                     struct error *e)
{
    char *log_path CLEANUP_FREE = xasprintf("%s.log", server->socket);
    int listener CLEANUP_CLOSE = unixsocket_listen(server->socket, e);
    if (listener < 0)
        return listener;
    char *directory CLEANUP_FREE = realpath(server->source, NULL);
    if (!directory)
        return error_errno(e, errno, "%s: cannot be shared", server->source);
    int log CLEANUP_CLOSE = create_log(log_path);
    if (log < 0)
        return error_errno(e, errno, "%s", log_path);
    /* virtiofsd waits for QEMU in accept() */
    if (fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) & ~O_NONBLOCK) < 0)
        return error_errno(e, errno, "%s", server->socket);
    struct strv argv CLEANUP_STRV = {0};
    build_argv(&argv, server, directory);
    const struct process process = {.argv = &argv,
                                    .input = listener,
                                    .output = log,
                                    .errors_to_output = true,
                                    .hold_signals = true, /* it ends after QEMU */
                                    .death_signal = SIGTERM,
                                    .enter = enter_namespace,
                                    .context = server->read_only ? directory : NULL};
    pid_t pid = process_start(&process, e);
    if (pid < 0)
        return error_context(e, (int)pid, "share of %s%s", server->source,
                             server->read_only ? " (read-only)" : "");
    add_server(servers, pid, server->source, TAKE(log_path));
    return 0;
}

int virtiofsd_start(struct virtiofsd_list *servers, const struct plan *plan, struct error *e)
{
    if (plan->server_count > 0)
        servers->ended = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < plan->server_count; i++) {
        int r = start_one(servers, &plan->servers[i], e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Logs the last lines of a server's output. */
static void print_log(const char *path)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    FILE *log CLEANUP_FCLOSE = fd < 0 ? NULL : fdopen(fd, "r");
    char *line CLEANUP_FREE = NULL;
    size_t size = 0;
    if (log && fseek(log, -2000, SEEK_END) < 0)
        rewind(log);
    while (log && getline(&line, &size, log) > 0) {
        line[strcspn(line, "\n")] = '\0';
        log_warning("virtiofsd: %s", line);
    }
}

/* True if the server has exited. Logs a failure, with the server's output. */
static bool has_ended(struct virtiofsd *server)
{
    struct error e CLEANUP_ERROR = {0};
    int status = 0;
    if (server->pid == 0)
        return true;
    if (waitpid(server->pid, &status, WNOHANG) != server->pid)
        return false;
    server->pid = 0;
    if (process_check_end(status, server->name, &e) < 0) {
        log_error("%s", e.message);
        print_log(server->log);
    }
    return true;
}

void virtiofsd_report(struct virtiofsd_list *servers)
{
    for (size_t i = 0; i < servers->count; i++)
        if (has_ended(&servers->items[i]))
            log_error("%s: exited before QEMU", servers->items[i].name);
}

static void stop_one(struct virtiofsd *server)
{
    struct pollfd end = {server->end, POLLIN, 0};
    /* it may have closed its socket, which QEMU sees, before it exits */
    if (server->pid != 0 && server->end >= 0)
        (void)poll(&end, 1, EXIT_TIME);
    if (has_ended(server))
        return;
    (void)kill(server->pid, SIGKILL);
    while (waitpid(server->pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

void virtiofsd_stop(struct virtiofsd_list *servers)
{
    for (size_t i = 0; i < servers->count; i++) {
        struct virtiofsd *server = &servers->items[i];
        stop_one(server);
        if (server->end >= 0)
            (void)close(server->end);
        free(server->name);
        free(server->log);
    }
    free(servers->items);
    if (servers->ended >= 0)
        (void)close(servers->ended);
    *servers = (struct virtiofsd_list){.ended = -1};
}
