/* SPDX-License-Identifier: MIT */
#include "host/run/swtpm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "host/system/atomicfile.h"
#include "host/system/process.h"
#include "host/system/signals.h"
#include "host/system/tree.h"
#include "host/system/unixsocket.h"

/* The file of a TPM's state in its directory, and the directory in that for a TPM that is being
 * provisioned. */
#define STATE       "tpm2-00.permall"
#define PROVISIONAL ".run-vm-provisioning"

/* The socket of a TPM that is being provisioned, in the temporary directory; clients append the
 * suffix for the other one. */
#define SETUP_SOCKET "tpm-setup.sock"
#define CONTROL      ".ctrl"

/* Time for swtpm to listen, and to answer a command, in milliseconds. */
#define ANSWER_TIME 10000

/* --- commands of swtpm --- */

/* True if swtpm has the option --seccomp, which it need not have been built with. */
static bool takes_seccomp(const struct plan_tpm *tpm)
{
    struct strv argv CLEANUP_STRV = {0};
    strv_push(&argv, tpm->program);
    strv_push(&argv, "socket");
    strv_push(&argv, "--tpm2");
    strv_push(&argv, "--print-capabilities");
    const struct process process = {.argv = &argv, .input = -1, .silent = true};
    char *features CLEANUP_FREE = process_capture(&process, NULL, NULL);
    return features && strstr(features, "\"cmdarg-seccomp\"");
}

/* swtpm runs in the directory of the state: its options know no way to write a comma. */
static void push_common(struct strv *argv, const struct plan_tpm *tpm)
{
    strv_push(argv, tpm->program);
    strv_push(argv, "socket");
    strv_push(argv, "--tpm2");
    strv_push(argv, "--tpmstate");
    strv_push(argv, "dir=.");
    if (!tpm->sandboxed && takes_seccomp(tpm)) {
        strv_push(argv, "--seccomp");
        strv_push(argv, "action=none");
    }
}

/* Starts swtpm in the directory `state`, with its output in the log, whose path is taken. */
static int start(struct helper_list *helpers, const struct plan_tpm *tpm, const char *state,
                 const struct strv *argv, int input, char *log_path, struct error *e)
{
    char *path CLEANUP_FREE = log_path;
    int log CLEANUP_CLOSE = helpers_create_log(path);
    if (log < 0)
        return error_errno(e, errno, "%s", path);
    const struct process process = {.argv = argv,
                                    .cwd = state,
                                    .input = input,
                                    .output = log,
                                    .errors_to_output = true,
                                    .hold_signals = input >= 0}; /* it ends after QEMU */
    pid_t pid = process_start(&process, e);
    if (pid < 0)
        return error_context(e, (int)pid, "virtualisation.tpm");
    helpers_add(helpers, (struct helper){.pid = pid,
                                         .program = "swtpm",
                                         .name = xasprintf("swtpm for %s", tpm->state),
                                         .log = TAKE(path)});
    return 0;
}

int swtpm_start(struct helper_list *helpers, const struct plan *plan, struct error *e)
{
    const struct plan_tpm *tpm = &plan->tpm;
    if (!tpm->program)
        return 0;
    int listener CLEANUP_CLOSE = unixsocket_listen(tpm->socket, e);
    if (listener < 0)
        return listener;
    /* swtpm waits for QEMU in accept() */
    if (fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) & ~O_NONBLOCK) < 0)
        return error_errno(e, errno, "%s", tpm->socket);
    struct strv argv CLEANUP_STRV = {0};
    push_common(&argv, tpm);
    strv_push(&argv, "--ctrl");
    strv_push(&argv, "type=unixio,fd=0");
    return start(helpers, tpm, tpm->state, &argv, listener, xasprintf("%s.log", tpm->socket), e);
}

/* --- provisioning --- */

/* Waits until swtpm listens on the socket. */
static int wait_for_socket(const struct helper_list *setup, const char *path, struct error *e)
{
    int64_t end = clock_milliseconds() + ANSWER_TIME;
    struct pollfd polled[] = {{setup->ended, POLLIN, 0}, {signals_fd(), POLLIN, 0}};
    for (;;) {
        int fd CLEANUP_CLOSE = unixsocket_connect(path);
        if (fd >= 0)
            return 0;
        if (clock_milliseconds() > end || poll(polled, ELEMENTS(polled), 20) > 0)
            break;
    }
    int r = signals_check(e);
    return r < 0 ? r : error_set(e, -EIO, "swtpm does not listen on %s", path);
}

/* Starts swtpm for clients on the host, which need not initialize the TPM. */
static int start_setup(struct helper_list *setup, const struct plan_tpm *tpm, const char *state,
                       const char *socket, struct error *e)
{
    char *control CLEANUP_FREE = xasprintf("%s" CONTROL, socket);
    struct strv argv CLEANUP_STRV = {0};
    if (strchr(control, ','))
        return error_set(e, -EINVAL,
                         "%s: a socket of swtpm with a comma in its name, which the clients of a "
                         "TPM cannot take: choose a TMPDIR without",
                         control);
    if (strlen(control) >= sizeof((struct sockaddr_un *)NULL)->sun_path)
        return error_set(e, -ENAMETOOLONG,
                         "%s: too long for the name of a socket: choose a shorter TMPDIR", control);
    (void)unlink(socket);
    (void)unlink(control);
    push_common(&argv, tpm);
    strv_push(&argv, "--server");
    strv_pushf(&argv, "type=unixio,path=%s", socket);
    strv_push(&argv, "--ctrl");
    strv_pushf(&argv, "type=unixio,path=%s", control);
    strv_push(&argv, "--flags");
    strv_push(&argv, "not-need-init,startup-clear");
    int r = start(setup, tpm, state, &argv, -1, xasprintf("%s.log", socket), e);
    if (r == 0)
        r = wait_for_socket(setup, control, e);
    return r < 0 ? r : wait_for_socket(setup, socket, e);
}

static int run_program(const struct plan_tpm *tpm, const char *socket, struct error *e)
{
    struct strv argv CLEANUP_STRV = {0};
    struct strv environment CLEANUP_STRV = {0};
    strv_push(&argv, tpm->provisioning);
    strv_pushf(&environment, "TPM2TOOLS_TCTI=swtpm:path=%s", socket);
    strv_pushf(&environment, "TCTI=swtpm:path=%s", socket);
    const struct process program = {
        .argv = &argv, .environment = &environment, .input = -1, .output = STDERR_FILENO};
    int r = process_run(&program, e);
    return r < 0 ? error_context(e, r, "virtualisation.tpm.provisioning") : 0;
}

/* Tells the TPM that it is about to lose power (TPM2_Shutdown, TPM_SU_CLEAR): it counts the times
 * that it was not told. */
static int shut_down(const char *socket, struct error *e)
{
    static const char command[] = "\x80\x01\0\0\0\x0c\0\0\x01\x45\0";
    static const char success[] = "\x80\x01\0\0\0\x0a\0\0\0";
    char answer[sizeof success];
    int fd CLEANUP_CLOSE = unixsocket_connect(socket);
    struct pollfd polled = {fd, POLLIN, 0};
    if (fd < 0 || file_write(fd, command, sizeof command) < 0 ||
        poll(&polled, 1, ANSWER_TIME) != 1 ||
        recv(fd, answer, sizeof answer, MSG_WAITALL) != sizeof answer ||
        memcmp(answer, success, sizeof answer) != 0)
        return error_set(e, -EIO, "%s: the TPM does not shut down", socket);
    return 0;
}

/* Ends swtpm in order. */
static void end_setup(struct helper_list *setup, const char *socket)
{
    char *control CLEANUP_FREE = xasprintf("%s" CONTROL, socket);
    for (size_t i = 0; i < setup->count; i++)
        if (setup->items[i].pid != 0)
            (void)kill(setup->items[i].pid, SIGTERM);
    helpers_stop(setup);
    (void)unlink(socket);
    (void)unlink(control);
}

/* Makes the state in the directory the TPM's, safe from a power loss. */
static int adopt(const char *directory, const char *path, struct error *e)
{
    char *made CLEANUP_FREE = xasprintf("%s/" STATE, directory);
    return atomicfile_commit(made, path, true, e);
}

static int provision(const struct plan *plan, const char *directory, struct error *e)
{
    struct helper_list setup CLEANUP_HELPERS = {.ended = -1};
    char *socket CLEANUP_FREE = xasprintf("%s/" SETUP_SOCKET, plan->cwd);
    int r = tree_remove(directory, e); /* of a run-vm that was killed */
    if (r == 0)
        r = tree_make(directory, 0700, e);
    if (r == 0)
        r = start_setup(&setup, &plan->tpm, directory, socket, e);
    if (r == 0)
        r = run_program(&plan->tpm, socket, e);
    if (r == 0)
        r = shut_down(socket, e);
    end_setup(&setup, socket);
    return r;
}

int swtpm_provision(const struct plan *plan, struct error *e)
{
    const struct plan_tpm *tpm = &plan->tpm;
    if (!tpm->program || !tpm->provisioning)
        return 0;
    char *state CLEANUP_FREE = xasprintf("%s/" STATE, tpm->state);
    char *directory CLEANUP_FREE = xasprintf("%s/" PROVISIONAL, tpm->state);
    if (access(state, F_OK) == 0)
        return 0;
    int r = provision(plan, directory, e);
    if (r == 0)
        r = adopt(directory, state, e);
    (void)tree_remove(directory, NULL);
    if (r < 0)
        (void)rmdir(tpm->state);
    return r;
}
