/* SPDX-License-Identifier: MIT */
/* Writes marks to the kernel's log, to measure a boot under QEMU's -icount; also stage 2 of such a
 * boot.
 *
 * Under -icount shift=0 the time stamp counter advances by one for each instruction and, while the
 * processor idles, for each nanosecond. A mark contains the counter, the idle time so far, and the
 * time since the kernel's start. The difference of two marks, less the idle time, is a number of
 * instructions.
 *
 * Called as PID 1 by the name "start" (rdinit=/start), writes a mark and executes /init. By any
 * other name it is stage 2: writes a mark, prints the memory in use and the loaded modules on the
 * console, runs /tmp/xchg/more if it exists, and powers off. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

static char buffer[1 << 20];

static const char *read_text(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t size = 0;
    ssize_t n;
    while (fd >= 0 && size < sizeof buffer - 1 &&
           (n = read(fd, buffer + size, sizeof buffer - 1 - size)) > 0)
        size += (size_t)n;
    buffer[size] = '\0';
    if (fd >= 0)
        (void)close(fd);
    return buffer;
}

/* Returns the nanoseconds that all processors have idled, including waits for a disk. */
static unsigned long long idle_time(void)
{
    static const char *const names[] = {".idle_sleeptime", ".iowait_sleeptime"};
    unsigned long long sum = 0;
    const char *text = read_text("/proc/timer_list");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (const char *at = text; (at = strstr(at, names[i]));) {
            at = strchr(at, ':') + 1;
            sum += strtoull(at, NULL, 10);
        }
    return sum;
}

static void mark(const char *name, unsigned long long counter)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    unsigned long long idle = idle_time();
    int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
    (void)dprintf(fd, "bench: %s counter %llu idle %llu time %lld%09ld after %llu\n", name, counter,
                  idle, (long long)now.tv_sec, now.tv_nsec, __rdtsc());
    (void)close(fd);
}

static int start(char **argv)
{
    (void)mkdir("/proc", 0755);
    (void)mkdir("/dev", 0755);
    (void)mount("proc", "/proc", "proc", 0, NULL);
    (void)mknod("/dev/kmsg", S_IFCHR | 0600, makedev(1, 11));
    mark("start", __rdtsc());
    (void)unlink("/dev/kmsg");
    (void)umount("/proc");
    char name[] = "/init";
    argv[0] = name;
    (void)execv(name, argv);
    return 1;
}

static void print_lines(const char *path, const char *prefix)
{
    char *text = strdup(read_text(path));
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        (void)printf("bench: %s %s\n", prefix, line);
    }
    free(text);
}

/* Prints the marks from the kernel's log. */
static void print_marks(void)
{
    char record[8192];
    int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ssize_t n;
    while ((n = read(fd, record, sizeof record - 1)) > 0) {
        record[n] = '\0';
        char *text = strstr(record, ";bench: ");
        if (text)
            (void)printf("%.*s\n", (int)strcspn(text + 1, "\n"), text + 1);
    }
    (void)close(fd);
}

static void run_more(void)
{
    char name[] = "/tmp/xchg/more";
    char *argv[] = {name, NULL};
    if (access(name, X_OK) < 0)
        return;
    if (fork() == 0) {
        (void)execv(name, argv);
        _exit(127);
    }
    while (wait(NULL) >= 0)
        ;
}

int main(int argc, char **argv)
{
    unsigned long long counter = __rdtsc();
    (void)argc;
    if (strstr(argv[0], "start"))
        return start(argv);
    mark("stage2", counter);
    int console = open("/dev/console", O_RDWR | O_NOCTTY);
    if (console >= 0 && dup2(console, 1) == 1)
        (void)setvbuf(stdout, NULL, _IOLBF, 0);
    print_marks();
    int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
    (void)!write(fd, "3\n", 2);
    (void)close(fd);
    print_lines("/proc/meminfo", "memory");
    print_lines("/proc/modules", "module");
    print_lines("/proc/mounts", "mount");
    run_more();
    (void)printf("bench: end\n");
    sync();
    return reboot(RB_POWER_OFF);
}
