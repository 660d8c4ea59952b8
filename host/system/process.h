/* SPDX-License-Identifier: MIT */
/* Runs programs by their argument vectors, never through a shell. Their stderr is run-vm's unless
 * said otherwise, and no program outlives run-vm (PR_SET_PDEATHSIG). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/strv.h"

/* Exit statuses of sysexits(3) that run-vm uses. */
#define STATUS_USAGE         64
#define STATUS_CONFIGURATION 65
#define STATUS_UNAVAILABLE   69 /* a required program is missing */
#define STATUS_BOOT_FAILED   70
#define STATUS_OUT_OF_MEMORY 71
#define STATUS_IO            74
#define STATUS_TIMED_OUT     124 /* as of timeout(1) */

struct process {
    const struct strv *argv;        /* process_find() finds argv[0] */
    const struct strv *environment; /* NAME=VALUE, added to run-vm's; NULL: none */
    const char *cwd;                /* NULL: run-vm's */
    int input;                      /* descriptors; -1: /dev/null */
    int output;
    bool keep_io;          /* stdin and stdout are run-vm's; `input` and `output` are ignored */
    bool silent;           /* stderr is /dev/null */
    bool errors_to_output; /* stderr goes where stdout goes */
    bool hold_signals;     /* SIGHUP, SIGINT, SIGQUIT and SIGTERM stay blocked in it */
    int death_signal;      /* ends it if run-vm dies; 0: SIGKILL */
    /* Called in the child before exec, for namespaces and mounts; NULL: nothing. Returns 0 or a
     * negative errno. */
    int (*enter)(void *context);
    void *context;
};

/* Starts it and waits until the child has become the program. Returns its pid, or a negative errno
 * with the message: -ENOENT and status 69 for a missing program, whose Debian package is named;
 * -ENOTSUP if `enter` failed. */
pid_t process_start(const struct process *process, struct error *e);

/* Something to do while a program is waited for: `tick`, every `interval` milliseconds. */
struct process_watch {
    void (*tick)(void *context);
    void *context;
    int interval;
};

/* Waits for a program and takes its status away; `watch` may be NULL. Passes a signal that asks
 * run-vm to end on to it; after a second one, or some seconds, kills it. Returns 0 if the program
 * exited with 0. Otherwise -ECANCELED (signalled) or -EPROTO with a message and, as the error's
 * status, that of the program, 128 + N if signal N killed it or us. */
int process_watch(pid_t pid, const char *name, const struct process_watch *watch, struct error *e);

/* Starts `process` and waits for it like process_watch(). */
int process_run(const struct process *process, struct error *e);

/* Runs `process` and returns its output with a zero byte after it; the caller frees. Returns NULL
 * with the message if it fails. `length` may be NULL. */
char *process_capture(const struct process *process, size_t *length, struct error *e);

/* Returns the path of a program: `name` itself if it has a slash, else the first one found on PATH,
 * then in the directories of the build's RUN_VM_PATH, and then in the sbin directories. The caller
 * frees. Returns NULL with the message and status 69 if there is none that can be executed. */
char *process_find(const char *name, struct error *e);

/* Finds a program in the directories of `path`, a list like $PATH. The caller frees; NULL if none
 * has it. */
char *process_find_on(const char *path, const char *name);

/* Makes orphaned descendants children of run-vm from now on (PR_SET_CHILD_SUBREAPER). */
void process_adopt_orphans(void);

/* Kills the children that run one of `programs`, compared with their argv[0], and waits for them.
 */
void process_end_orphans(const struct strv *programs);

/* Returns 0 if waitpid()'s status is that of a success, else -EPROTO with a message that says how
 * the program ended. */
int process_check_end(int wait_status, const char *name, struct error *e);

/* Converts waitpid()'s status to an exit status: 128 + N for signal N. */
int process_exit_status(int wait_status);
