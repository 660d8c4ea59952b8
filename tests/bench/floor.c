/* SPDX-License-Identifier: MIT */
/* The C floor: the least work that any init could do. Inserts the same modules and makes the same
 * mounts by bare system calls, without looking for or checking anything, and executes the bench's
 * stage 2.
 *
 * /modules lists the module files to insert, in order; then all mounts of the standard boot are
 * made. Without that file: three mounts, and exec of /mark of the initrd, the floor of floors. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define P9 "trans=virtio,version=9p2000.L,msize=16384"
#define OVERLAY                                                                                    \
    "lowerdir=/root/nix/.ro-store,upperdir=/root/nix/.rw-store/store,"                             \
    "workdir=/root/nix/.rw-store/work"

struct mounting {
    const char *what, *where, *type;
    unsigned long flags;
    const char *options;
};

static const struct mounting api[] = {
    {"proc", "/proc", "proc", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL},
    {"sysfs", "/sys", "sysfs", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL},
    {"devtmpfs", "/dev", "devtmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=5%"},
    {"devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "mode=620,ptmxmode=0666,gid=3"},
    {"tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_STRICTATIME, "mode=1777,size=50%"},
    {"tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV | MS_STRICTATIME, "mode=755,size=25%"},
    {"ramfs", "/run/keys", "ramfs", MS_NOSUID | MS_NODEV, "mode=750"},
};

static const struct mounting system[] = {
    {"/dev/vda", "/root", "ext4", 0, NULL},
    {"nix-store", "/root/nix/.ro-store", "9p", 0, P9 ",cache=loose"},
    {"tmpfs", "/root/nix/.rw-store", "tmpfs", 0, "mode=0755"},
    {"shared", "/root/tmp/shared", "9p", 0, P9},
    {"xchg", "/root/tmp/xchg", "9p", 0, P9},
};

static const struct mounting store = {"overlay", "/root/nix/store", "overlay", 0, OVERLAY};

static void make(const struct mounting *m)
{
    (void)mkdir(m->where, 0755);
    if (mount(m->what, m->where, m->type, m->flags, m->options) < 0)
        perror(m->where);
}

static void insert_modules(FILE *list)
{
    char path[4096];
    while (fgets(path, sizeof path, list)) {
        path[strcspn(path, "\n")] = '\0';
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (syscall(SYS_finit_module, fd, "", 0) < 0)
            perror(path);
        (void)close(fd);
    }
    (void)fclose(list);
}

static void make_all(const struct mounting *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        make(&list[i]);
}

/* Removes the module files, which take most of the initramfs's memory. */
static void remove_files(void)
{
    char path[4096];
    FILE *list = fopen("/modules", "re");
    while (list && fgets(path, sizeof path, list)) {
        path[strcspn(path, "\n")] = '\0';
        (void)unlink(path);
    }
    if (list)
        (void)fclose(list);
    (void)unlink("/init");
}

static void switch_root(void)
{
    static const char *const moved[] = {"/dev", "/proc", "/sys", "/run"};
    for (size_t i = 0; i < sizeof moved / sizeof *moved; i++) {
        char to[16];
        (void)snprintf(to, sizeof to, "/root%s", moved[i]);
        (void)mkdir(to, 0755);
        (void)mount(moved[i], to, NULL, MS_MOVE, NULL);
    }
    (void)chdir("/root");
    (void)mount(".", "/", NULL, MS_MOVE, NULL);
    (void)chroot(".");
    (void)chdir("/");
}

int main(void)
{
    char name[] = "/tmp/xchg/mark";
    char *argv[] = {name, NULL};
    if (access("/modules", R_OK) < 0) {
        make_all(api, 3);
        (void)execve(name + strlen("/tmp/xchg"), argv, argv + 1);
        return 1;
    }
    make_all(api, sizeof api / sizeof *api);
    int console = open("/dev/console", O_RDWR | O_NOCTTY);
    for (int fd = 0; fd < 3; fd++)
        (void)dup2(console, fd);
    FILE *list = fopen("/modules", "re");
    if (list)
        insert_modules(list);
    make_all(system, sizeof system / sizeof *system);
    (void)mkdir("/root/nix/.rw-store/store", 0755);
    (void)mkdir("/root/nix/.rw-store/work", 0755);
    make(&store);
    remove_files();
    switch_root();
    (void)execve(name, argv, argv + 1);
    perror(name);
    return 1;
}
