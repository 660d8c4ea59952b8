/* SPDX-License-Identifier: MIT */
#include "host/run/virtiofsd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "host/config/shareserver.h"
#include "host/run/virtiofsdargv.h"
#include "host/system/namespace.h"
#include "host/system/process.h"
#include "host/system/signals.h"
#include "host/system/unixsocket.h"

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

/* Reads the program's --help; "" if it fails: its server then fails too, and is reported. The
 * caller frees. */
static char *read_help(const char *program)
{
    struct strv argv CLEANUP_STRV = {0};
    const struct process process = {.argv = &argv, .input = -1, .silent = true};
    strv_push(&argv, program);
    strv_push(&argv, "--help");
    char *help = process_capture(&process, NULL, NULL);
    return help ? help : xstrdup("");
}

static int start_one(struct helper_list *helpers, const struct plan_server *server,
                     const struct virtiofsdargv *host, struct error *e)
{
    char *log_path CLEANUP_FREE = xasprintf("%s.log", server->socket);
    int listener CLEANUP_CLOSE = unixsocket_listen(server->socket, e);
    if (listener < 0)
        return listener;
    char *directory CLEANUP_FREE = realpath(server->source, NULL);
    if (!directory)
        return error_errno(e, errno, "%s: cannot be shared", server->source);
    int log CLEANUP_CLOSE = helpers_create_log(log_path);
    if (log < 0)
        return error_errno(e, errno, "%s", log_path);
    /* virtiofsd waits for QEMU in accept() */
    if (fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) & ~O_NONBLOCK) < 0)
        return error_errno(e, errno, "%s", server->socket);
    struct strv argv CLEANUP_STRV = {0};
    virtiofsdargv_build(host, &argv, server, directory);
    const struct process process = {.argv = &argv,
                                    .input = listener,
                                    .output = log,
                                    .errors_to_output = true,
                                    .hold_signals = true, /* it ends after QEMU */
                                    .death_signal = SIGTERM,
                                    .enter = host->unconfined ? NULL : enter_namespace,
                                    .context = server->read_only ? directory : NULL};
    pid_t pid = process_start(&process, e);
    if (pid < 0)
        return error_context(e, (int)pid, "share of %s%s", server->source,
                             server->read_only ? " (read-only)" : "");
    helpers_add(helpers, (struct helper){.pid = pid,
                                         .program = "virtiofsd",
                                         .name = xasprintf("virtiofsd for %s", server->source),
                                         .log = TAKE(log_path)});
    return 0;
}

int virtiofsd_start(struct helper_list *helpers, const struct plan *plan, struct error *e)
{
    if (plan->server_count == 0)
        return 0;
    const char *program = plan->servers[0].program; /* of all of them */
    char *help CLEANUP_FREE = read_help(program);
    struct virtiofsdargv host = {help, geteuid(), getegid(), false};
    if (signals_check(e) < 0)
        return -ECANCELED;
    if (*help && virtiofsdargv_is_qemus(&host) && host.uid != 0)
        return shareserver_refuse_qemus(program, e);
    for (size_t i = 0; i < plan->server_count; i++) {
        int r = start_one(helpers, &plan->servers[i], &host, e);
        if (r == -ENOTSUP && !host.unconfined && virtiofsdargv_can_be_unconfined(&host)) {
            log_warning("warning: virtiofsd runs without a sandbox: %s", e->message);
            host.unconfined = true;
            r = start_one(helpers, &plan->servers[i], &host, e);
        }
        if (r < 0)
            return r;
    }
    return 0;
}
