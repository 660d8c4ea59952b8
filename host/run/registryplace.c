/* SPDX-License-Identifier: MIT */
#include "host/run/registryplace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"

#define LOCK "lock"

/* The time that others look at a directory before they see that it is a dead machine's, in
 * milliseconds. */
#define LOOK_TIME 10

/* True if it is a directory of the user's own: after su or sudo the variable names another's. */
static bool is_own(const char *path)
{
    struct stat st;
    return path && *path == '/' && stat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
           st.st_uid == geteuid();
}

char *registryplace_path(void)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    const char *temporary = getenv("TMPDIR");
    if (is_own(runtime))
        return xasprintf("%s/run-vm", runtime);
    if (geteuid() == 0)
        return xstrdup("/run/run-vm");
    return xasprintf("%s/run-vm-%u", temporary && *temporary == '/' ? temporary : "/tmp",
                     (unsigned int)geteuid());
}

int registryplace_open(const char *path, bool make, struct error *e)
{
    struct stat st;
    if (make && mkdir(path, 0700) < 0 && errno != EEXIST)
        return error_errno(e, errno, "it cannot be made");
    int base CLEANUP_CLOSE = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (base < 0 || fstat(base, &st) < 0)
        return error_errno(e, errno, "it cannot be opened");
    if (st.st_uid != geteuid())
        return error_set(e, -EPERM, "it belongs to the user %u", (unsigned int)st.st_uid);
    if (st.st_mode & 077)
        return error_set(e, -EPERM, "others can enter it (mode %o, expected 700)",
                         (unsigned int)st.st_mode & 07777U);
    return TAKE_FD(base);
}

int registryplace_names(struct strv *names, int base)
{
    int fd = openat(base, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (!directory) {
        int number = errno;
        cleanup_close(&fd);
        return -number;
    }
    for (const struct dirent *entry; (entry = readdir(directory));)
        if (entry->d_name[0] != '.')
            strv_push(names, entry->d_name);
    (void)closedir(directory);
    strv_sort(names);
    return 0;
}

int registryplace_open_lock(int base, const char *name)
{
    char *path CLEANUP_FREE = xasprintf("%s/" LOCK, name);
    if (mkdirat(base, name, 0700) < 0 && errno != EEXIST)
        return -errno;
    int lock = openat(base, path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    return lock < 0 ? -errno : lock;
}

bool registryplace_is_lock(int base, const char *name, int lock)
{
    char *path CLEANUP_FREE = xasprintf("%s/" LOCK, name);
    struct stat there;
    struct stat held;
    return fstatat(base, path, &there, AT_SYMLINK_NOFOLLOW) == 0 && fstat(lock, &held) == 0 &&
           there.st_ino == held.st_ino && there.st_dev == held.st_dev;
}

void registryplace_empty(int base, const char *name)
{
    struct strv files CLEANUP_STRV = {0};
    int directory CLEANUP_CLOSE =
        openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (directory < 0)
        return;
    (void)registryplace_names(&files, directory);
    for (size_t i = 0; i < files.count; i++)
        if (!streq(files.items[i], LOCK))
            (void)unlinkat(directory, files.items[i], 0);
}

/* The lock goes last: a directory without one is anybody's. */
void registryplace_remove(int base, const char *name)
{
    char *lock CLEANUP_FREE = xasprintf("%s/" LOCK, name);
    registryplace_empty(base, name);
    (void)unlinkat(base, lock, 0);
    (void)unlinkat(base, name, AT_REMOVEDIR);
}

/* Observers share the lock, so that none takes another for a machine, and of those who see a dead
 * machine the last one removes it. */
bool registryplace_clear(int base, const char *name)
{
    char *path CLEANUP_FREE = xasprintf("%s/" LOCK, name);
    int lock CLEANUP_CLOSE = openat(base, path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (lock < 0) {
        (void)unlinkat(base, name, AT_REMOVEDIR); /* if it is empty */
        return true;
    }
    if (flock(lock, LOCK_SH | LOCK_NB) < 0)
        return false;
    if (flock(lock, LOCK_EX | LOCK_NB) == 0 && registryplace_is_lock(base, name, lock))
        registryplace_remove(base, name);
    return true;
}

void registryplace_pause(void)
{
    const struct timespec pause = {.tv_nsec = LOOK_TIME * 1000L * 1000L};
    (void)nanosleep(&pause, NULL);
}
