/* SPDX-License-Identifier: MIT */
#include "init/nix/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/file.h"

static int sync_name(const char *name, int flags, struct error *e)
{
    int fd CLEANUP_CLOSE = open(name, O_RDONLY | O_CLOEXEC | flags);
    if (fd < 0 || fsync(fd) < 0)
        return error_errno(e, errno, "%s: cannot be synced to the disk", name);
    return 0;
}

static int sync_directory_of(const char *name, struct error *e)
{
    const char *slash = strrchr(name, '/');
    char *directory CLEANUP_FREE =
        slash ? xstrndup(name, (size_t)(slash - name) + 1) : xstrdup(".");
    return sync_name(directory, O_DIRECTORY, e);
}

int durable_make_directories(const char *directory, struct error *e)
{
    enum { MODE = 0755 };
    char *path CLEANUP_FREE = xstrdup(directory);
    for (char *slash = path; slash; *slash = '/') {
        slash = strchr(slash + 1, '/');
        if (slash)
            *slash = '\0';
        if (mkdir(path, MODE) == 0) {
            int r = sync_directory_of(path, e);
            if (r < 0)
                return r;
        } else if (errno != EEXIST) {
            return error_errno(e, errno, "%s: the directory cannot be created", path);
        }
        if (!slash)
            break;
    }
    return 0;
}

int durable_publish(const char *temporary, const char *final, struct error *e)
{
    int r = sync_name(temporary, 0, e);
    if (r < 0)
        return r;
    if (rename(temporary, final) < 0)
        return error_errno(e, errno, "%s: cannot be renamed to %s", temporary, final);
    return sync_directory_of(final, e);
}

int durable_write(const char *name, const char *text, struct error *e)
{
    enum { MODE = 0644 };
    char *temporary CLEANUP_FREE = xasprintf("%s.new", name);
    int fd CLEANUP_CLOSE = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, MODE);
    if (fd < 0)
        return error_errno(e, errno, "%s: cannot be created", temporary);
    int r = file_write(fd, text, strlen(text));
    if (r < 0) {
        (void)unlink(temporary);
        return error_errno(e, -r, "%s: cannot be written", temporary);
    }
    return durable_publish(temporary, name, e);
}

int durable_symlink(const char *name, const char *target, struct error *e)
{
    char *temporary CLEANUP_FREE = xasprintf("%s.new", name);
    struct stat st;
    if (lstat(name, &st) == 0 && !S_ISLNK(st.st_mode))
        return error_set(e, -EEXIST, "%s: exists and is not a symlink; move it away", name);
    (void)unlink(temporary);
    if (symlink(target, temporary) < 0)
        return error_errno(e, errno, "%s: cannot be created", temporary);
    if (rename(temporary, name) < 0)
        return error_errno(e, errno, "%s: cannot be renamed to %s", temporary, name);
    return sync_directory_of(name, e);
}
