/* SPDX-License-Identifier: MIT */
/* In the guest: reads all files below a directory over each transport in turn, with a cold cache.
 *
 * /tmp/xchg/transports has a line for each: NAME SOURCE TYPE OPTIONS. /tmp/xchg/rounds contains the
 * number of rounds. Prints first "bench: store TYPE OPTIONS", the mount of the store that init
 * made; then for each reading "bench: read begin NAME" and "bench: read end NAME SECONDS FILES
 * BYTES", so that the reader of the console can measure the host's CPU time in between. */
#include <fcntl.h>
#include <ftw.h>
#include <mntent.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

#define MOUNTED "/run/tree"

static unsigned long files, bytes;

static int read_file(const char *path, const struct stat *st, int type, struct FTW *at)
{
    static char buffer[1 << 17];
    ssize_t n;
    (void)st;
    (void)at;
    if (type != FTW_F)
        return 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && (n = read(fd, buffer, sizeof buffer)) > 0)
        bytes += (unsigned long)n;
    files++;
    return fd < 0 ? -1 : close(fd);
}

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void drop_caches(void)
{
    int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
    (void)!write(fd, "3\n", 2);
    (void)close(fd);
}

static void read_once(const char *name, const char *source, const char *type, const char *options)
{
    if (mount(source, MOUNTED, type, MS_RDONLY, options) < 0) {
        perror(name);
        return;
    }
    drop_caches();
    files = bytes = 0;
    (void)printf("bench: read begin %s\n", name);
    double start = now();
    (void)nftw(MOUNTED, read_file, 20, FTW_PHYS);
    (void)printf("bench: read end %s %.3f %lu %lu\n", name, now() - start, files, bytes);
    (void)umount(MOUNTED);
}

static void print_store(void)
{
    FILE *mounts = setmntent("/proc/mounts", "re");
    for (const struct mntent *m; mounts && (m = getmntent(mounts));)
        if (streq(m->mnt_dir, "/nix/.ro-store"))
            (void)printf("bench: store %s %s\n", m->mnt_type, m->mnt_opts);
    if (mounts)
        (void)endmntent(mounts);
}

int main(void)
{
    char name[64], source[64], type[32], options[256];
    int rounds = 1;
    FILE *f = fopen("/tmp/xchg/rounds", "re");
    if (!f || fscanf(f, "%d", &rounds) != 1)
        return 1;
    (void)fclose(f);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    (void)mkdir(MOUNTED, 0755);
    print_store();
    /* a share can be mounted only once at a time */
    (void)umount("/tmp/tree");
    (void)umount("/tmp/treefs");
    for (int round = 0; round < rounds; round++) {
        f = fopen("/tmp/xchg/transports", "re");
        while (f && fscanf(f, "%63s %63s %31s %255s", name, source, type, options) == 4)
            read_once(name, source, type, options[0] == '-' ? "" : options);
        if (f)
            (void)fclose(f);
    }
    (void)sleep(10); /* gives the host time to read the CPU time of QEMU and virtiofsd */
    return 0;
}
