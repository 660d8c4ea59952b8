/* SPDX-License-Identifier: MIT */
#include "init/exec/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "common/frame.h"
#include "init/exec/descendants.h"
#include "init/exec/execport.h"
#include "init/exec/session.h"
#include "init/signals.h"

#define NAME "run-vm-agent"

/* In milliseconds: the pause before the next attempt to open a port, the time that the kernel has
 * to learn the names of the ports, and the times that the processes of a session have after the
 * host has hung up and after SIGKILL. */
#define RETRY_PAUSE 200
#define PORTS_TIME  20000
#define HANGUP_TIME 2000
#define KILL_TIME   5000

/* The kernel's limit of PID 1's open files: no descriptor is larger. */
#define MOST_FILES 1024

/* Longest pause between two looks at the processes that are being killed, in milliseconds. */
#define KILL_PAUSE 20

struct port {
    int fd;        /* -1: not open */
    pid_t server;  /* of the session on it; 0: none */
    bool exists;   /* it has been opened once */
    int64_t pause; /* the time before which it is not opened again */
};

struct agent {
    const char *system;
    int console;     /* -1: none */
    int events;      /* an epoll descriptor */
    int signals;     /* SIGCHLD, SIGTERM */
    int64_t give_up; /* the time at which the kernel must know the ports */
    struct port ports[FRAME_AGENT_PORTS];
};

/* --- a session, in a process of its own --- */

static void kill_all(int number)
{
    (void)descendants_kill(number);
}

/* Moves this process into the control group `name`, if there are such groups. */
static void enter_group(const char *name)
{
    static const char *const places[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
    for (size_t i = 0; i < ELEMENTS(places); i++) {
        struct statfs fs;
        if (statfs(places[i], &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC)
            continue;
        char *group CLEANUP_FREE = xasprintf("%s/%s", places[i], name);
        char *list CLEANUP_FREE = xasprintf("%s/cgroup.procs", group);
        (void)mkdir(group, 0755);
        int fd CLEANUP_CLOSE = open(list, O_WRONLY | O_CLOEXEC);
        if (fd >= 0)
            (void)!write(fd, "0", 1);
        return;
    }
}

/* Signals the descendants until none is left, or the time has passed. */
static void end_descendants(int number, int64_t limit)
{
    int64_t deadline = clock_milliseconds() + limit;
    size_t left = descendants_kill(number);
    while (left > 0 && clock_milliseconds() < deadline) {
        (void)poll(NULL, 0, KILL_PAUSE);
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        left = descendants_kill(number == SIGKILL ? SIGKILL : 0);
    }
}

/* Serves one session. All its descendants stay this process's, even orphans, and end with it. */
static _Noreturn void serve(const struct agent *agent, size_t number)
{
    struct error e CLEANUP_ERROR = {0};
    const struct session_options options = {
        .system = agent->system, .offered = true, .console = agent->console, .kill_all = kill_all};
    char *group CLEANUP_FREE = xasprintf("run-vm.agent/%zu", number);
    (void)close(agent->events);
    (void)close(agent->signals);
    for (size_t i = 0; i < FRAME_AGENT_PORTS; i++)
        if (i != number && agent->ports[i].fd >= 0)
            (void)close(agent->ports[i].fd);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    enter_group(group);
    int signals = session_open_signals(&e);
    if (signals < 0)
        _exit(1);
    session_serve(agent->ports[number].fd, signals, &options);
    end_descendants(SIGHUP, HANGUP_TIME);
    end_descendants(SIGKILL, KILL_TIME);
    _exit(0);
}

/* --- the agent --- */

/* Opens a port anew, which drops everything that the last session has left on it. */
static void open_port(struct agent *agent, size_t number)
{
    struct port *port = &agent->ports[number];
    char *name CLEANUP_FREE = xasprintf(FRAME_AGENT_PORT "%zu", number);
    char *path CLEANUP_FREE = execport_find(name);
    port->fd = path ? open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC) : -1;
    /* edge-triggered: a port without a host is always ready, and reports a hangup */
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.u64 = number};
    if (port->fd < 0)
        return;
    port->exists = true;
    (void)epoll_ctl(agent->events, EPOLL_CTL_ADD, port->fd, &event);
}

static void close_port(struct port *port)
{
    cleanup_close(&port->fd);
}

/* Starts the session of a host that has connected. */
static void attend_port(struct agent *agent, size_t number, uint32_t events)
{
    struct port *port = &agent->ports[number];
    if (events & (EPOLLHUP | EPOLLERR) || port->server > 0 || port->fd < 0)
        return;
    (void)epoll_ctl(agent->events, EPOLL_CTL_DEL, port->fd, NULL);
    enter_group("run-vm.agent");
    pid_t pid = fork();
    if (pid == 0)
        serve(agent, number);
    if (pid > 0)
        port->server = pid;
    if (pid >= 0)
        return;
    /* the host is still connected: at once, the port would be ready again */
    close_port(port);
    port->pause = clock_milliseconds() + RETRY_PAUSE;
}

/* Says that a session has ended without its last frame, which its host would wait for. */
static void report_end(const struct port *port)
{
    static const char reason[] = "the agent's process of this session has ended before the command";
    unsigned char frame[FRAME_HEADER + sizeof reason - 1];
    frame_header(frame, FRAME_FAILED, sizeof reason - 1);
    (void)memcpy(frame + FRAME_HEADER, reason, sizeof reason - 1);
    (void)!write(port->fd, frame, sizeof frame);
}

/* Reaps the sessions that have ended. */
static void reap(struct agent *agent)
{
    struct signalfd_siginfo info;
    int status;
    pid_t ended;
    while (read(agent->signals, &info, sizeof info) > 0)
        if (info.ssi_signo == SIGTERM)
            _exit(0);
    while ((ended = waitpid(-1, &status, WNOHANG)) > 0)
        for (size_t i = 0; i < FRAME_AGENT_PORTS; i++) {
            struct port *port = &agent->ports[i];
            if (port->server != ended)
                continue;
            if (status != 0)
                report_end(port);
            close_port(port);
            port->server = 0;
            open_port(agent, i);
        }
}

/* Opens the ports that are not open. Returns the time to wait before the next attempt; -1: all are
 * open, or the machine has no more. */
static int open_ports(struct agent *agent)
{
    int64_t now = clock_milliseconds();
    bool missing = false;
    for (size_t i = 0; i < FRAME_AGENT_PORTS; i++) {
        struct port *port = &agent->ports[i];
        if (port->fd < 0 && now >= port->pause)
            open_port(agent, i);
        missing = missing || (port->fd < 0 && (port->exists || now <= agent->give_up));
    }
    return missing ? RETRY_PAUSE : -1;
}

static _Noreturn void run(struct agent *agent)
{
    for (;;) {
        struct epoll_event events[FRAME_AGENT_PORTS + 1];
        int count = epoll_wait(agent->events, events, ELEMENTS(events), open_ports(agent));
        for (int i = 0; i < count; i++)
            if (events[i].data.u64 < FRAME_AGENT_PORTS)
                attend_port(agent, events[i].data.u64, events[i].events);
            else
                reap(agent);
    }
}

static void log_nothing(enum log_level level, const char *message)
{
    (void)level;
    (void)message;
}

static void end(void)
{
    _exit(1);
}

/* Writes the name over the arguments and the environment, which begin at argv[0]: the kernel gives
 * every init an environment, so that there is room. */
static void set_name(char **argv)
{
    (void)prctl(PR_SET_NAME, NAME);
    size_t room = 0;
    for (char **text = argv; *text == argv[0] + room; text++)
        room += strlen(*text) + 1;
    for (char **text = environ; *text == argv[0] + room; text++)
        room += strlen(*text) + 1;
    if (room <= strlen(NAME))
        return;
    (void)memset(argv[0], 0, room);
    (void)memcpy(argv[0], NAME, strlen(NAME));
}

/* Leaves everything that was PID 1's: its terminal, its files, its log. Returns a descriptor of the
 * console, or -1. The console stays open, since a terminal that nobody has open loses its size, and
 * systemd closes it before the login. Descriptors of /dev/console survive vhangup(2). */
static int detach(char **argv)
{
    (void)setsid();
    (void)!chdir("/");
    int console = open("/dev/console", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    for (int fd = 0; fd < MOST_FILES; fd++)
        if (fd != console)
            (void)close(fd);
    int null = open("/dev/null", O_RDWR);
    for (int fd = null + 1; fd <= STDERR_FILENO; fd++)
        (void)dup2(null, fd);
    signals_reset();
    log_set_sink(log_nothing);
    alloc_out_of_memory = end;
    set_name(argv);
    return console;
}

void agent_start(char **argv, const char *system)
{
    struct error e CLEANUP_ERROR = {0};
    pid_t pid = fork();
    if (pid < 0)
        log_warning("vm.agent: the agent cannot be started: %s", strerror(errno));
    if (pid != 0)
        return;
    int console = detach(argv);
    struct agent agent = {.system = system,
                          .console = console,
                          .events = epoll_create1(EPOLL_CLOEXEC),
                          .signals = session_open_signals(&e),
                          .give_up = clock_milliseconds() + PORTS_TIME};
    for (size_t i = 0; i < FRAME_AGENT_PORTS; i++)
        agent.ports[i].fd = -1;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = FRAME_AGENT_PORTS};
    if (agent.events < 0 || agent.signals < 0 ||
        epoll_ctl(agent.events, EPOLL_CTL_ADD, agent.signals, &event) < 0)
        _exit(1);
    run(&agent);
}
