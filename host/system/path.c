/* SPDX-License-Identifier: MIT */
#include "host/system/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"

/* The number of links that the kernel follows (MAXSYMLINKS). */
#define LINKS 40

char *path_absolute(const char *cwd, const char *path)
{
    if (*path == '/')
        return xstrdup(path);
    while (path[0] == '.' && path[1] == '/')
        path += 2 + strspn(path + 2, "/");
    return xasprintf("%s/%s", !streq(cwd, "/") ? cwd : "", path);
}

/* Returns the target of a symbolic link, which the caller frees; NULL if it is not one. */
static char *link_target(const char *path)
{
    char target[PATH_MAX];
    ssize_t length = readlink(path, target, sizeof target);
    return length < 0 || length == (ssize_t)sizeof target ? NULL : xstrndup(target, (size_t)length);
}

/* Resolves a path whose last component does not exist, or is a dangling link. */
static int resolve_missing(char **resolved, const char *path, int links, struct error *e);

static int resolve(char **resolved, const char *path, int links, struct error *e)
{
    *resolved = realpath(path, NULL);
    if (*resolved)
        return 0;
    if (errno != ENOENT)
        return error_errno(e, errno, "%s", path);
    return resolve_missing(resolved, path, links, e);
}

static int resolve_missing(char **resolved, const char *path, int links, struct error *e)
{
    char *directory CLEANUP_FREE = xstrdup(path);
    size_t length = strlen(directory);
    while (length > 1 && directory[length - 1] == '/')
        directory[--length] = '\0';
    char *target CLEANUP_FREE = link_target(directory);
    char *slash = strrchr(directory, '/');
    *slash = '\0';
    char *parent CLEANUP_FREE = realpath(*directory ? directory : "/", NULL);
    if (!parent)
        return error_errno(e, errno, "%s: directory %s", path, directory);
    if (!target) {
        *resolved = xasprintf("%s/%s", !streq(parent, "/") ? parent : "", slash + 1);
        return 0;
    }
    if (links <= 0)
        return error_errno(e, ELOOP, "%s", path);
    char *next CLEANUP_FREE = path_absolute(parent, target);
    return resolve(resolved, next, links - 1, e);
}

int path_resolve(char **resolved, const char *cwd, const char *path, struct error *e)
{
    *resolved = NULL;
    if (!*path)
        return error_set(e, -ENOENT, "is empty");
    char *absolute CLEANUP_FREE = path_absolute(cwd, path);
    return resolve(resolved, absolute, LINKS, e);
}

int path_in_prefix(char **found, const char *prefix, const char *path, struct error *e)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
    *found = NULL;
    if (!*prefix) {
        *found = xstrdup(path);
        return 0;
    }
    int root CLEANUP_CLOSE = open(prefix, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return error_errno(e, errno, "%s", prefix);
    int fd CLEANUP_CLOSE = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
    if (fd < 0)
        return error_errno(e, errno, "%s inside %s", path, prefix);
    char name[64];
    (void)snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    *found = link_target(name);
    return *found ? 0 : error_errno(e, errno, "%s", name);
}

const char *path_tilde_problem(const char *path)
{
    return *path != '~' ? NULL
                        : "begins with ~, which is not expanded here: write $HOME in its place, or "
                          "./~ for a directory of that name";
}

char *path_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? xstrndup(path, slash == path ? 1 : (size_t)(slash - path)) : xstrdup(".");
}

char *path_last_name(const char *path)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    size_t start = length;
    while (start > 0 && path[start - 1] != '/')
        start--;
    return xstrndup(path + start, length - start);
}

int path_below(char **found, const char *root, const char *path, struct error *e)
{
    size_t length = root ? strlen(root) : 0;
    return path_in_prefix(found, length ? root : "", path + length, e);
}

const char *path_rest(const char *root, const char *path)
{
    struct stat wanted;
    struct stat st;
    if (!*root || stat(root, &wanted) < 0)
        return NULL;
    for (const char *slash = path; (slash = strchr(slash, '/')); slash++) {
        char *above CLEANUP_FREE = xstrndup(path, (size_t)(slash - path) + 1);
        if (stat(above, &st) == 0 && st.st_ino == wanted.st_ino && st.st_dev == wanted.st_dev)
            return slash;
    }
    return NULL;
}

/* Returns the next component of an absolute path and its length; skips "." and doubled slashes. */
static const char *next_component(const char **path, size_t *length)
{
    const char *start;
    do {
        start = *path + strspn(*path, "/");
        *length = strcspn(start, "/");
        *path = start + *length;
    } while (*length == 1 && *start == '.');
    return start;
}

bool path_is_same(const char *a, const char *b)
{
    const char *in_a, *in_b;
    size_t length_a, length_b;
    do {
        in_a = next_component(&a, &length_a);
        in_b = next_component(&b, &length_b);
    } while (length_a && length_a == length_b && !memcmp(in_a, in_b, length_a));
    return !length_a && !length_b;
}
