/* SPDX-License-Identifier: MIT */
#include "init/stage2/prepareroot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "common/mountspec.h"
#include "init/inroot.h"
#include "init/mount/apimounts.h"

static void report(const char *path, int r)
{
    if (r < 0 && r != -EROFS)
        log_warning("%s: cannot be created in the root: %s", path, strerror(-r));
}

static int make_tmp(int root)
{
    int fd CLEANUP_CLOSE = inroot_make_directory(root, "/tmp", 0755);
    if (fd < 0)
        return fd;
    struct stat s;
    if (fstat(fd, &s) == 0 && (s.st_mode & 07777) == 01777)
        return 0;
    char *path CLEANUP_FREE = xasprintf("/proc/self/fd/%d", fd); /* fchmod(2) refuses O_PATH */
    return chmod(path, 01777) < 0 ? -errno : 0;
}

static int make_boot(int root)
{
    int fd CLEANUP_CLOSE = inroot_make_directory(root, "/boot", 0755);
    return fd < 0 ? fd : 0;
}

static bool has(int root, const char *directory)
{
    int fd CLEANUP_CLOSE = inroot_open(root, directory, O_PATH | O_DIRECTORY, 0);
    return fd >= 0;
}

/* Another distribution's root is not marked: with --rw the mark would stay in it. */
static int make_mark(int root, const char *init)
{
    if (!has(root, "/nix/store") || (!init && !has(root, "/nix/var/nix/profiles/system")))
        return 0;
    int fd CLEANUP_CLOSE = inroot_make_file(root, "/etc/NIXOS", 0644);
    return fd < 0 ? fd : 0;
}

static const struct {
    const char *path;
    int (*make)(int root);
} in_root[] = {
    {"/tmp", make_tmp},
    {"/boot", make_boot},
};

void prepareroot_make_files(int root, const char *init)
{
    report("/etc/NIXOS", make_mark(root, init));
    for (size_t i = 0; i < ELEMENTS(in_root); i++)
        report(in_root[i].path, in_root[i].make(root));
}

/* A change of the owner to the one that it is makes the kernel copy a file. A symlink that cannot
 * be copied is as good as before. */
void prepareroot_copy_links(int root)
{
    int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (!directory)
        return;
    for (const struct dirent *entry; (entry = readdir(directory));)
        if (entry->d_type == DT_LNK &&
            fchownat(fd, entry->d_name, (uid_t)-1, (gid_t)-1, AT_SYMLINK_NOFOLLOW) < 0)
            log_debug("/%s: cannot be copied: %s", entry->d_name, strerror(errno));
    (void)closedir(directory);
}

void prepareroot_link_device(int root)
{
    struct stat s;
    if (fstat(root, &s) < 0)
        return;
    char link[64];
    char target[256];
    (void)snprintf(link, sizeof link, "/sys/dev/block/%u:%u", major(s.st_dev), minor(s.st_dev));
    ssize_t n = readlink(link, target, sizeof target - 1);
    if (n < 0)
        return; /* no block device: a tmpfs, an overlay, a share */
    target[n] = '\0';
    const char *slash = strrchr(target, '/');
    if (symlink(slash ? slash + 1 : target, "/dev/root") < 0 && errno != EEXIST)
        log_warning("/dev/root: the symlink cannot be created: %s", strerror(errno));

    (void)mkdir("/run/udev", 0755);
    (void)mkdir("/run/udev/rules.d", 0755);
    FILE *rule CLEANUP_FCLOSE = fopen("/run/udev/rules.d/61-dev-root-link.rules", "we");
    if (!rule)
        return;
    (void)fprintf(rule,
                  "ACTION==\"add|change\", SUBSYSTEM==\"block\", ENV{MAJOR}==\"%u\", "
                  "ENV{MINOR}==\"%u\", SYMLINK+=\"root\"\n",
                  major(s.st_dev), minor(s.st_dev));
}

void prepareroot_link_streams(void)
{
    static const struct {
        const char *path;
        const char *target;
    } links[] = {
        {"/dev/fd", "/proc/self/fd"},
        {"/dev/stdin", "/proc/self/fd/0"},
        {"/dev/stdout", "/proc/self/fd/1"},
        {"/dev/stderr", "/proc/self/fd/2"},
    };
    for (size_t i = 0; i < ELEMENTS(links); i++)
        if (symlink(links[i].target, links[i].path) < 0 && errno != EEXIST)
            log_warning("%s: the symlink cannot be created: %s", links[i].path, strerror(errno));
}

void prepareroot_enter_submounts(int root, const struct strv *paths)
{
    for (size_t i = 0; i < paths->count; i++) {
        char *path CLEANUP_FREE = mount_unescape(paths->items[i]);
        int fd CLEANUP_CLOSE = inroot_open(root, path, O_RDONLY | O_DIRECTORY, 0);
        if (fd < 0 && fd != -ENOENT && fd != -ENOTDIR)
            log_warning("%s: cannot be entered: %s", path, strerror(-fd));
    }
}

/* Returns the number of the root's group "tty" as text, or NULL; the caller frees. */
static char *terminal_group(int root)
{
    int fd = inroot_open(root, "/etc/group", O_RDONLY, 0);
    FILE *groups CLEANUP_FCLOSE = fd < 0 ? NULL : fdopen(fd, "r");
    char *line CLEANUP_FREE = NULL;
    size_t size = 0;
    while (groups && getline(&line, &size, groups) > 0) {
        const char *password = startswith(line, "tty:");
        const char *number = password ? strchr(password, ':') : NULL;
        size_t digits = number ? strspn(number + 1, "0123456789") : 0;
        if (digits > 0)
            return xstrndup(number + 1, digits);
    }
    return NULL;
}

void prepareroot_set_terminal_group(int root)
{
    char *group CLEANUP_FREE = terminal_group(root);
    if (!group || streq(group, APIMOUNTS_TTY_GROUP))
        return;
    char *options CLEANUP_FREE = xasprintf(APIMOUNTS_PTS_OPTIONS "%s", group);
    if (mount(NULL, "/dev/pts", NULL, MS_REMOUNT | MS_NOSUID | MS_NOEXEC, options) < 0)
        log_warning("/dev/pts: cannot be given to the group %s: %s", group, strerror(errno));
}
