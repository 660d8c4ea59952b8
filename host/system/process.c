/* SPDX-License-Identifier: MIT */
#include "host/system/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "host/system/signals.h"

#ifndef RUN_VM_PATH /* directories of programs that packaging has chosen, separated by colons */
#define RUN_VM_PATH ""
#endif

/* The Debian packages of the programs that run-vm runs; a name that ends in '*' is a prefix. */
static const struct {
    const char *program;
    const char *package;
} packages[] = {
    {"depmod", "kmod"},
    {"mkfs.erofs", "erofs-utils"},
    {"mkfs.ext4", "e2fsprogs"},
    {"mkfs.fat", "dosfstools"},
    {"mlabel", "mtools"},
    {"nc", "netcat-openbsd"},
    {"nix-store", "nix-bin"},
    {"qemu-img", "qemu-utils"},
    {"qemu-kvm", "qemu-system-x86"},
    {"qemu-system-aarch64", "qemu-system-arm"},
    {"qemu-system-arm", "qemu-system-arm"},
    {"qemu-system-i386", "qemu-system-x86"},
    {"qemu-system-ppc*", "qemu-system-ppc"},
    {"qemu-system-x86_64", "qemu-system-x86"},
    {"qemu-system-*", "qemu-system-misc"},
    {"sgdisk", "gdisk"},
    {"ssh", "openssh-client"},
    {"ssh-keygen", "openssh-client"},
    {"swtpm", "swtpm"},
    {"virsh", "libvirt-clients"},
    {"virtiofsd", "qemu-system-common or virtiofsd"},
};

static int missing(const char *name, struct error *e)
{
    const char *base = text_after_last(name, '/');
    const char *package = NULL;
    for (size_t i = 0; i < ELEMENTS(packages) && !package; i++) {
        size_t length = strlen(packages[i].program);
        bool prefix = packages[i].program[length - 1] == '*';
        if (prefix ? strncmp(base, packages[i].program, length - 1) == 0
                   : streq(base, packages[i].program))
            package = packages[i].package;
    }
    const char *where = strchr(name, '/') ? "no such program"
                        : *RUN_VM_PATH    ? "not found on PATH, nor in " RUN_VM_PATH
                                          : "not found on PATH";
    if (package)
        (void)error_set(e, -ENOENT, "%s: %s; Debian has it in the package %s", name, where,
                        package);
    else
        (void)error_set(e, -ENOENT, "%s: %s", name, where);
    return error_status(e, -ENOENT, STATUS_UNAVAILABLE);
}

static bool can_run(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

char *process_find_on(const char *path, const char *name)
{
    for (const char *end; path; path = *end ? end + 1 : NULL) {
        end = strchrnul(path, ':');
        char *directory CLEANUP_FREE = xstrndup(path, (size_t)(end - path));
        /* an empty entry is the current directory, as for execvp() */
        char *candidate CLEANUP_FREE = xasprintf("%s/%s", *directory ? directory : ".", name);
        if (can_run(candidate))
            return TAKE(candidate);
    }
    return NULL;
}

char *process_find(const char *name, struct error *e)
{
    if (strchr(name, '/')) {
        if (can_run(name))
            return xstrdup(name);
        (void)missing(name, e);
        return NULL;
    }
    /* Debian puts sgdisk and mkfs.* into sbin, which an ordinary user's PATH lacks */
    static const char administrators[] = "/usr/local/sbin:/usr/sbin:/sbin";
    const char *path = getenv("PATH");
    char *found = process_find_on(path ? path : "/usr/local/bin:/usr/bin:/bin", name);
    if (!found && *RUN_VM_PATH)
        found = process_find_on(RUN_VM_PATH, name);
    if (!found)
        found = process_find_on(administrators, name);
    if (found)
        return found;
    (void)missing(name, e);
    return NULL;
}

/* The inputs of a child until it is the program. */
struct child {
    const struct process *process;
    const char *program;
    char *const *environment;
    sigset_t mask;
    pid_t parent;
    int null;
    int report; /* a pipe, closed by exec: a child that fails writes its struct failure there */
};

struct failure {
    enum { IN_PROGRAM, IN_CWD, IN_ENTER } step;
    int number; /* an errno */
};

static bool redirect(int from, int to)
{
    if (from == to)
        return fcntl(to, F_SETFD, 0) == 0;
    return dup2(from, to) == to;
}

static bool redirect_all(const struct child *child)
{
    const struct process *p = child->process;
    if (!p->keep_io && (!redirect(p->input < 0 ? child->null : p->input, STDIN_FILENO) ||
                        !redirect(p->output < 0 ? child->null : p->output, STDOUT_FILENO)))
        return false;
    if (p->silent)
        return redirect(child->null, STDERR_FILENO);
    return !p->errors_to_output || dup2(STDOUT_FILENO, STDERR_FILENO) >= 0;
}

/* Turns the child into the program; returns if it cannot. Without `enter` it makes system calls
 * only, since the parent's memory is in use. */
static struct failure become(const struct child *child)
{
    const struct process *p = child->process;
    if (prctl(PR_SET_PDEATHSIG, p->death_signal ? p->death_signal : SIGKILL) < 0)
        return (struct failure){IN_PROGRAM, errno};
    if (getppid() != child->parent) /* it died before that call */
        return (struct failure){IN_PROGRAM, ESRCH};
    if (!redirect_all(child))
        return (struct failure){IN_PROGRAM, errno};
    int entered = p->enter ? p->enter(p->context) : 0;
    if (entered != 0)
        return (struct failure){IN_ENTER, -entered};
    if (p->cwd && chdir(p->cwd) < 0)
        return (struct failure){IN_CWD, errno};
    signals_restore_in_child();
    (void)sigprocmask(SIG_SETMASK, &child->mask, NULL);
    (void)execve(child->program, p->argv->items, child->environment);
    return (struct failure){IN_PROGRAM, errno};
}

/* Collects run-vm's environment with the variables of `more` added or replaced. */
static void merge_environment(struct strv *merged, const struct strv *more)
{
    for (char *const *ours = environ; *ours; ours++) {
        size_t length = strcspn(*ours, "=");
        bool replaced = false;
        for (size_t i = 0; i < more->count && !replaced; i++)
            replaced = strncmp(more->items[i], *ours, length) == 0 && more->items[i][length] == '=';
        if (!replaced)
            strv_push(merged, *ours);
    }
    strv_extend(merged, more);
}

static pid_t start(const struct child *child)
{
    /* fork() copies page tables, for nothing if the child only calls exec; `enter` needs memory of
     * its own, without which there is no user namespace */
    bool forks = child->process->enter != NULL;
    pid_t pid = forks ? fork() : vfork(); /* NOLINT(clang-analyzer-*) */
    if (pid == 0) {
        struct failure failure = become(child); /* NOLINT(clang-analyzer-unix.Vfork) */
        (void)!write(child->report, &failure, sizeof failure);
        _exit(127);
    }
    return pid;
}

/* Waits until the child is the program (0) or has failed: a negative errno with the message. */
static int check_start(const struct process *process, int report, struct error *e)
{
    struct failure failure;
    ssize_t got;
    while ((got = read(report, &failure, sizeof failure)) < 0 && errno == EINTR)
        ;
    if (got == 0)
        return 0;
    if (got != sizeof failure)
        failure = (struct failure){IN_PROGRAM, EIO};
    const char *name = process->argv->items[0];
    bool directory = failure.step == IN_CWD;
    if (failure.step == IN_ENTER) {
        (void)error_errno(e, failure.number, "%s: its namespace cannot be set up", name);
        return -ENOTSUP;
    }
    (void)error_errno(e, failure.number, "%s: cannot be started%s%s", name, directory ? " in " : "",
                      directory ? process->cwd : "");
    return error_status(e, -failure.number, STATUS_UNAVAILABLE);
}

/* Starts the child and, if it fails, takes its status away. */
static pid_t start_and_check(struct child *child, struct error *e)
{
    const char *name = child->process->argv->items[0];
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return error_errno(e, errno, "a pipe for %s", name);
    int report CLEANUP_CLOSE = ends[0];
    child->report = ends[1];
    pid_t pid = start(child);
    int number = errno;
    (void)close(ends[1]);
    if (pid < 0)
        return error_errno(e, number, "%s: cannot start another process", name);
    int r = check_start(child->process, report, e);
    if (r < 0)
        (void)waitpid(pid, NULL, 0);
    return r < 0 ? r : pid;
}

pid_t process_start(const struct process *process, struct error *e)
{
    char *program CLEANUP_FREE = process_find(process->argv->items[0], e);
    if (!program)
        return -ENOENT;
    int null CLEANUP_CLOSE = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return error_errno(e, errno, "/dev/null");
    struct strv environment CLEANUP_STRV = {0};
    if (process->environment && process->environment->count > 0)
        merge_environment(&environment, process->environment);
    struct child child = {.process = process,
                          .program = program,
                          .environment = environment.count > 0 ? environment.items : environ,
                          .parent = getpid(),
                          .null = null};
    if (process->hold_signals)
        signals_blocked_mask(&child.mask);
    else
        signals_original_mask(&child.mask);
    return start_and_check(&child, e);
}

void process_adopt_orphans(void)
{
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/* True if the process was started as one of the programs. */
static bool runs_one_of(int pid, const struct strv *programs)
{
    char path[64];
    char name[PATH_MAX] = "";
    (void)snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
    int fd CLEANUP_CLOSE = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, name, sizeof name - 1) <= 0)
        return false;
    return strv_contains(programs, name); /* the text ends at the zero byte after argv[0] */
}

/* Reads the kernel's list of children; a kernel built without it leaves them alive. */
void process_end_orphans(const struct strv *programs)
{
    FILE *children CLEANUP_FCLOSE = fopen("/proc/thread-self/children", "re");
    int pid = 0;
    while (children && fscanf(children, "%d", &pid) == 1) {
        if (!runs_one_of(pid, programs))
            continue;
        (void)kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
}

int process_exit_status(int wait_status)
{
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

/* Time that a program has to exit after a signal, in milliseconds; a second signal cuts it short.
 */
#define LAST_MOMENT 5000

/* Interval of the checks for its exit if the kernel has no pidfd, in milliseconds. */
#define LOOK_INTERVAL 50

/* The state of a wait for one program. */
struct wait {
    pid_t pid;
    int end; /* its pidfd; -1: there is none */
    bool ended;
    int signal;    /* the last one passed on; 0: none */
    int64_t since; /* the time of that, by clock_milliseconds() */
};

static struct wait wait_for(pid_t pid)
{
    return (struct wait){.pid = pid, .end = pidfd_open(pid, 0)};
}

/* Passes `number`, if not 0, on to the program; kills it if it survived an earlier signal. */
static void pass_signal_on(struct wait *wait, int number)
{
    int64_t now = clock_milliseconds();
    if (number) {
        (void)kill(wait->pid, wait->signal ? SIGKILL : number);
        wait->signal = number;
        wait->since = now;
    } else if (wait->signal && now - wait->since >= LAST_MOMENT) {
        (void)kill(wait->pid, SIGKILL);
    }
}

/* True if the program has exited; leaves its status for waitpid(). */
static bool has_ended(const struct wait *wait)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)wait->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
           info.si_pid == wait->pid;
}

/* Waits for the program's exit, a signal or output, at most `interval` milliseconds (-1: no limit).
 * Returns true if `output` (-1: none) is readable or at its end. */
static bool wait_once(struct wait *wait, int output, int interval)
{
    struct pollfd polled[] = {
        {wait->ended ? -1 : wait->end, POLLIN, 0}, {signals_fd(), POLLIN, 0}, {output, POLLIN, 0}};
    if (wait->signal && (interval < 0 || interval > LAST_MOMENT))
        interval = LAST_MOMENT;
    if (wait->end < 0 && !wait->ended)
        interval = LOOK_INTERVAL;
    if (poll(polled, ELEMENTS(polled), interval) < 0)
        return false;
    if (!wait->ended && (polled[0].revents || wait->end < 0))
        wait->ended = has_ended(wait);
    int number = polled[1].revents ? signals_take() : 0;
    if (!wait->ended)
        pass_signal_on(wait, number);
    else if (number)
        wait->signal = number;
    return polled[2].revents != 0;
}

int process_check_end(int wait_status, const char *name, struct error *e)
{
    if (wait_status == 0)
        return 0;
    if (WIFSIGNALED(wait_status))
        (void)error_set(e, -EPROTO, "%s: killed by signal %d (%s)", name, WTERMSIG(wait_status),
                        strsignal(WTERMSIG(wait_status)));
    else
        (void)error_set(e, -EPROTO, "%s: failed with exit status %d", name,
                        WEXITSTATUS(wait_status));
    return error_status(e, -EPROTO, process_exit_status(wait_status));
}

/* Collects the status of a program that has exited. */
static int finish_wait(struct wait *wait, const char *name, struct error *e)
{
    int status = 0;
    cleanup_close(&wait->end);
    while (waitpid(wait->pid, &status, 0) < 0)
        if (errno != EINTR)
            return error_errno(e, errno, "%s: cannot be waited for", name);
    if (wait->signal) {
        (void)error_set(e, -ECANCELED, "%s: ended by signal %d (%s) to run-vm", name, wait->signal,
                        strsignal(wait->signal));
        return error_status(e, -ECANCELED, 128 + wait->signal);
    }
    return process_check_end(status, name, e);
}

int process_watch(pid_t pid, const char *name, const struct process_watch *watch, struct error *e)
{
    struct wait wait = wait_for(pid);
    while (!wait.ended) {
        (void)wait_once(&wait, -1, watch ? watch->interval : -1);
        if (watch && !wait.ended)
            watch->tick(watch->context);
    }
    return finish_wait(&wait, name, e);
}

int process_run(const struct process *process, struct error *e)
{
    pid_t pid = process_start(process, e);
    return pid < 0 ? (int)pid : process_watch(pid, process->argv->items[0], NULL, e);
}

struct output {
    char *text; /* owned */
    size_t size;
    size_t capacity; /* greater than `size`: a zero byte follows */
};

/* Reads once from `fd`. Returns 1, 0 at its end, or a negative errno. */
static int read_more(struct output *output, int fd)
{
    if (output->size + 1 >= output->capacity) {
        output->capacity = output->capacity ? output->capacity * 2 : 1 << 16;
        output->text = xreallocarray(output->text, output->capacity, 1);
    }
    ssize_t got = read(fd, output->text + output->size, output->capacity - output->size - 1);
    if (got < 0)
        return errno == EINTR ? 1 : -errno;
    output->size += (size_t)got;
    output->text[output->size] = '\0';
    return got > 0;
}

/* Reads to the end of the output and waits for the program. After a signal its exit suffices: a
 * descendant may hold the output open. */
static int read_output(struct output *output, int fd, pid_t pid, const char *name, struct error *e)
{
    struct wait wait = wait_for(pid);
    int r = 1;
    while (!wait.ended || (r > 0 && !wait.signal))
        if (wait_once(&wait, r > 0 ? fd : -1, -1))
            r = read_more(output, fd);
    int ended = finish_wait(&wait, name, e);
    return ended == 0 && r < 0 ? error_errno(e, -r, "%s: cannot read its output", name) : ended;
}

char *process_capture(const struct process *process, size_t *length, struct error *e)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) {
        (void)error_errno(e, errno, "a pipe for %s", process->argv->items[0]);
        return NULL;
    }
    int reading CLEANUP_CLOSE = ends[0];
    struct process piped = *process;
    piped.output = ends[1];
    pid_t pid = process_start(&piped, e);
    (void)close(ends[1]);
    if (pid < 0)
        return NULL;
    struct output output = {0};
    int r = read_output(&output, reading, pid, process->argv->items[0], e);
    if (r < 0) {
        free(output.text);
        return NULL;
    }
    if (length)
        *length = output.size;
    return output.text;
}
