/* SPDX-License-Identifier: MIT */
#include "init/exec/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/alloc.h"
#include "init/exec/user.h"
#include "init/signals.h"

/* The directories of programs of NixOS, then of other distributions. */
#define DEFAULT_PATH                                                                               \
    "/run/current-system/sw/bin:/nix/var/nix/profiles/default/bin:/usr/local/sbin:/usr/local/bin:" \
    "/usr/sbin:/usr/bin:/sbin:/bin"

/* Exit statuses for a program that cannot be executed (POSIX: sh, env). */
#define STATUS_NOT_FOUND  127
#define STATUS_NOT_USABLE 126
/* … and for a user or a directory that the guest does not have (env, docker) */
#define STATUS_NO_PLACE 125

void command_init(struct command *command)
{
    *command = (struct command){.ends = {-1, -1, -1}};
}

void command_close(struct command *command, enum stream_name name)
{
    cleanup_close(&command->ends[name]);
}

void command_free(struct command *command)
{
    strv_free(&command->arguments);
    strv_free(&command->variables);
    free(command->directory);
    free(command->user);
    for (int i = 0; i < STREAM_COUNT; i++)
        command_close(command, (enum stream_name)i);
}

void command_resize(struct command *command, uint16_t rows, uint16_t columns)
{
    const struct winsize size = {.ws_row = rows, .ws_col = columns};
    if (command->terminal && command->ends[STREAM_OUTPUT] >= 0)
        (void)ioctl(command->ends[STREAM_OUTPUT], TIOCSWINSZ, &size);
}

/* Returns the last value of a variable, or NULL. */
static const char *find_variable(const struct strv *variables, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = variables->count; i > 0; i--)
        if (strncmp(variables->items[i - 1], name, length) == 0 &&
            variables->items[i - 1][length] == '=')
            return variables->items[i - 1] + length + 1;
    return NULL;
}

static void make_environment(struct strv *environment, const struct command *command,
                             const struct user *user)
{
    char *path CLEANUP_FREE = command->system
                                  ? xasprintf("%s/sw/bin:" DEFAULT_PATH, command->system)
                                  : xstrdup(DEFAULT_PATH);
    const struct {
        const char *name;
        const char *value;
    } defaults[] = {
        {"PATH", path},          {"HOME", user->home},   {"USER", user->name},
        {"LOGNAME", user->name}, {"SHELL", user->shell},
    };
    for (size_t i = 0; i < ELEMENTS(defaults); i++)
        if (defaults[i].value && !find_variable(&command->variables, defaults[i].name))
            strv_pushf(environment, "%s=%s", defaults[i].name, defaults[i].value);
    strv_extend(environment, &command->variables);
}

/* Executes a program as execvp(3) does, by the PATH of `environment`. Returns the most specific
 * errno. */
static int execute(char *const *argv, const struct strv *environment)
{
    if (strchr(argv[0], '/')) {
        (void)execve(argv[0], argv, environment->items);
        return errno;
    }
    struct strv directories CLEANUP_STRV = {0};
    strv_split(&directories, find_variable(environment, "PATH"), ':');
    int reason = ENOENT;
    for (size_t i = 0; *argv[0] && i < directories.count; i++) {
        const char *directory = directories.items[i];
        char *path CLEANUP_FREE = xasprintf("%s/%s", *directory ? directory : ".", argv[0]);
        (void)execve(path, argv, environment->items);
        if (errno != ENOENT && errno != ENOTDIR)
            reason = errno;
        if (reason != ENOENT && reason != EACCES)
            break;
    }
    return reason;
}

static void say_why(const char *name, int reason)
{
    if (reason != ENOENT)
        (void)dprintf(STDERR_FILENO, "run-vm: %s: %s\n", name, strerror(reason));
    else if (!strchr(name, '/'))
        (void)dprintf(STDERR_FILENO, "run-vm: %s: not found on the guest's PATH\n", name);
    else if (access(name, F_OK) == 0)
        (void)dprintf(STDERR_FILENO,
                      "run-vm: %s: the interpreter or loader that it names is not in the guest\n",
                      name);
    else
        (void)dprintf(STDERR_FILENO, "run-vm: %s: there is no such file in the guest\n", name);
}

void command_use_shell(struct command *command)
{
    struct user user CLEANUP_USER = {0};
    const char *name = command->user ? command->user : "root";
    bool found = user_find_in_root(&user, name, NULL) == 0 && access(user.shell, X_OK) == 0;
    strv_push(&command->arguments, found ? user.shell : "/bin/sh");
    strv_push(&command->arguments, "-l");
}

static _Noreturn void refuse_place(const char *reason)
{
    (void)dprintf(STDERR_FILENO, "run-vm: %s\n", reason);
    _exit(STATUS_NO_PLACE);
}

/* Becomes the user and, with its rights, enters the directory. */
static void take_place(const struct command *command, struct user *user)
{
    struct error e CLEANUP_ERROR = {0};
    if (!command->user)
        *user = (struct user){
            .name = xstrdup("root"), .home = xstrdup("/root"), .shell = xstrdup("/bin/sh")};
    else if (user_find_in_root(user, command->user, &e) < 0 || user_become(user, &e) < 0)
        refuse_place(e.message);
    if (command->directory && chdir(command->directory) < 0) {
        (void)error_errno(&e, errno, "the guest's directory %s", command->directory);
        refuse_place(e.message);
    }
}

static _Noreturn void become_command(const struct command *command, const int streams[STREAM_COUNT])
{
    (void)setsid();
    if (command->terminal)
        (void)ioctl(streams[STREAM_INPUT], TIOCSCTTY, 0);
    for (int fd = 0; fd < STREAM_COUNT; fd++)
        if (dup2(streams[fd], fd) != fd)
            _exit(STATUS_NOT_USABLE);
    signals_reset();
    struct user user CLEANUP_USER = {0};
    take_place(command, &user);
    struct strv environment CLEANUP_STRV = {0};
    make_environment(&environment, command, &user);
    int reason = execute(command->arguments.items, &environment);
    say_why(command->arguments.items[0], reason);
    _exit(reason == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_USABLE);
}

/* Moves a descriptor above 2: the child sets its descriptors 0 to 2 one after the other. */
static int move_up(int fd)
{
    if (fd < 0 || fd >= STREAM_COUNT)
        return fd;
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, STREAM_COUNT);
    (void)close(fd);
    return moved;
}

static int open_pipe(struct command *command, enum stream_name name, int *theirs)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    int reading = move_up(fds[0]);
    int writing = move_up(fds[1]);
    bool input = name == STREAM_INPUT;
    command->ends[name] = input ? writing : reading;
    *theirs = input ? reading : writing;
    if (reading < 0 || writing < 0)
        return -EMFILE;
    return fcntl(command->ends[name], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

/* Opens a pseudo-terminal for input and output, and for the errors unless they are separate. */
static int open_terminal(struct command *command, int theirs[STREAM_COUNT])
{
    const int unlocked = 0;
    int master = move_up(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
    if (master < 0)
        return -errno;
    command->ends[STREAM_OUTPUT] = master;
    command->ends[STREAM_INPUT] = fcntl(master, F_DUPFD_CLOEXEC, STREAM_COUNT);
    if (command->ends[STREAM_INPUT] < 0 || ioctl(master, TIOCSPTLCK, &unlocked) < 0)
        return -errno;
    theirs[STREAM_OUTPUT] = move_up(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (theirs[STREAM_OUTPUT] < 0)
        return -errno;
    command_resize(command, command->rows, command->columns);
    return 0;
}

static int open_streams(struct command *command, int theirs[STREAM_COUNT], struct error *e)
{
    int r = command->terminal ? open_terminal(command, theirs) : 0;
    if (r < 0)
        return error_errno(e, -r, "a pseudo-terminal for the command cannot be opened (/dev/ptmx)");
    for (int i = 0; r == 0 && i < STREAM_COUNT; i++)
        if (!command->terminal || (i == STREAM_ERRORS && command->separate))
            r = open_pipe(command, (enum stream_name)i, &theirs[i]);
    return r < 0 ? error_errno(e, -r, "a pipe for the command cannot be opened") : 0;
}

/* Starts the process with its ends of the streams; the terminal's is for all that have no pipe. */
static int start_process(struct command *command, const int theirs[STREAM_COUNT], struct error *e)
{
    int streams[STREAM_COUNT];
    for (int i = 0; i < STREAM_COUNT; i++)
        streams[i] = theirs[i] >= 0 ? theirs[i] : theirs[STREAM_OUTPUT];
    pid_t pid = fork();
    if (pid == 0)
        become_command(command, streams);
    if (pid < 0)
        return error_errno(e, errno, "a process for the command cannot be started");
    command->pid = pid;
    return 0;
}

int command_start(struct command *command, struct error *e)
{
    int theirs[STREAM_COUNT] = {-1, -1, -1};
    int r = open_streams(command, theirs, e);
    if (r == 0)
        r = start_process(command, theirs, e);
    for (int i = 0; i < STREAM_COUNT; i++)
        cleanup_close(&theirs[i]);
    return r;
}
