/* SPDX-License-Identifier: MIT */
/* Measures the time from the start of commands to QEMU's, as medians of alternating runs.
 *
 *   hosttime RUNS COMMAND...   starts each command (split at spaces) RUNS times, in turns, and
 * prints a line for each: median microseconds, command
 *
 * Called by the name of a QEMU program (qemu-*), in whose place the commands start it, writes the
 * time to $HOSTTIME and exits. Called as `spawn`, only starts $HOSTTIME_QEMU: the least possible
 * time. */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

enum { MOST_RUNS = 1000, MOST_WORDS = 20 };

static double microseconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int start_and_wait(const char *command)
{
    char *argv[MOST_WORDS + 1] = {NULL};
    char words[4096];
    char *rest = words;
    pid_t pid;
    int status = 0;
    (void)snprintf(words, sizeof words, "%s", command);
    for (size_t i = 0; i < MOST_WORDS && rest; i++)
        argv[i] = strsep(&rest, " ");
    if (posix_spawn(&pid, argv[0], NULL, NULL, argv, environ) != 0)
        return -1;
    (void)waitpid(pid, &status, 0);
    return status;
}

static int stamp(void)
{
    double now = microseconds();
    FILE *file = fopen(getenv("HOSTTIME"), "we");
    if (!file)
        return 1;
    (void)fprintf(file, "%.1f\n", now);
    return fclose(file) != 0;
}

/* Returns microseconds; negative if QEMU was not started. */
static double measure(const char *command, const char *file)
{
    double at = -1;
    (void)unlink(file);
    double start = microseconds();
    (void)start_and_wait(command);
    FILE *stamped = fopen(file, "re");
    if (stamped && fscanf(stamped, "%lf", &at) != 1)
        at = -1;
    if (stamped)
        (void)fclose(stamped);
    return at < 0 ? -1 : at - start;
}

static int compare(const void *a, const void *b)
{
    double difference = *(const double *)a - *(const double *)b;
    return (difference > 0) - (difference < 0);
}

int main(int argc, char **argv)
{
    const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
    if (strncmp(name, "qemu-", 5) == 0)
        return stamp();
    if (streq(name, "spawn"))
        return start_and_wait(getenv("HOSTTIME_QEMU"));
    int runs = argc > 2 ? atoi(argv[1]) : 0;
    if (runs < 1 || runs > MOST_RUNS)
        return 64;
    double(*times)[MOST_RUNS] = calloc((size_t)argc, sizeof *times);
    for (int run = 0; times && run < runs; run++)
        for (int i = 2; i < argc; i++)
            times[i][run] = measure(argv[i], getenv("HOSTTIME"));
    for (int i = 2; times && i < argc; i++) {
        qsort(times[i], (size_t)runs, sizeof times[i][0], compare);
        (void)printf("%.0f %s\n", times[i][runs / 2], argv[i]);
    }
    free(times);
    return 0;
}
