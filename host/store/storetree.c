/* SPDX-License-Identifier: MIT */
#include "host/store/storetree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/store/storepaths.h"
#include "host/system/atomicfile.h"
#include "host/system/namespace.h"
#include "host/system/signals.h"

/* Nix will not open a store without this directory, and cannot make it in one that is read-only. */
#define LINKS ".links"

static bool make_links(const struct storetree *tree)
{
    char *path CLEANUP_FREE = xasprintf("%s/" LINKS, tree->directory);
    return mkdir(path, 0700) == 0 && chmod(path, 0755) == 0;
}

/* Returns the text of a symlink of `size` bytes, or NULL with errno set; the caller frees. */
static char *read_link(const char *path, size_t size)
{
    char *text = xcalloc(size + 2, 1);
    if (readlink(path, text, size + 1) >= 0)
        return text;
    free(text);
    return NULL;
}

static int copy_link(const char *from, const char *to, const struct stat *st)
{
    char *target CLEANUP_FREE = read_link(from, (size_t)st->st_size);
    return target && symlink(target, to) == 0 ? 0 : -errno;
}

/* Makes one path appear at `to`: a symlink by a copy, anything else by a bind mount. */
static int bind_path(const char *from, const char *to)
{
    struct stat st;
    if (lstat(from, &st) < 0)
        return -errno;
    if (S_ISLNK(st.st_mode))
        return copy_link(from, to, &st);
    if (S_ISDIR(st.st_mode)) {
        if (mkdir(to, 0700) < 0)
            return -errno;
    } else {
        int fd CLEANUP_CLOSE = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
            return -errno;
    }
    return mount(from, to, NULL, MS_BIND, NULL) < 0 ? -errno : 0;
}

/* Finds a store path on the host. The path itself, if it is a link, belongs to the store as it is.
 * The caller frees; NULL with the message otherwise. */
static char *find_path(const struct storetree *tree, const char *path, struct error *e)
{
    char *directory CLEANUP_FREE = storepaths_directory(tree->prefix, path, e);
    return directory ? xasprintf("%s/%s", directory, text_after_last(path, '/')) : NULL;
}

/* A process.enter: makes the tree, in a mount namespace. */
static int bind_all(void *context)
{
    const struct storetree *tree = context;
    if (!namespace_enter())
        return -errno;
    if (mount("run-vm", tree->directory, "tmpfs", 0, "mode=0755") < 0 || !make_links(tree))
        return -errno;
    for (size_t i = 0; i < tree->paths->count; i++) {
        const char *path = tree->paths->items[i];
        char *from CLEANUP_FREE = find_path(tree, path, NULL);
        char *to CLEANUP_FREE = xasprintf("%s/%s", tree->directory, text_after_last(path, '/'));
        int r = from ? bind_path(from, to) : -ENOENT;
        if (r < 0)
            return r;
    }
    return 0;
}

int storetree_run(const struct storetree *tree, const struct strv *argv,
                  const struct process_watch *watch, struct error *e)
{
    struct storetree entered = *tree;
    const struct process process = {
        .argv = argv, .input = -1, .output = -1, .enter = bind_all, .context = &entered};
    pid_t pid = process_start(&process, e);
    return pid < 0 ? (int)pid : process_watch(pid, argv->items[0], watch, e);
}

static int copy_path(const char *from, const char *to, struct error *e);

static int copy_directory(const char *from, const char *to, mode_t mode, struct error *e)
{
    DIR *stream = opendir(from);
    if (!stream || mkdir(to, 0700) < 0) {
        int number = errno;
        if (stream)
            (void)closedir(stream);
        return error_errno(e, number, "copying %s to %s", from, to);
    }
    int r = 0;
    for (const struct dirent *entry; r == 0 && (entry = readdir(stream));) {
        if (streq(entry->d_name, ".") || streq(entry->d_name, ".."))
            continue;
        char *below CLEANUP_FREE = xasprintf("%s/%s", from, entry->d_name);
        char *copy CLEANUP_FREE = xasprintf("%s/%s", to, entry->d_name);
        r = copy_path(below, copy, e);
    }
    (void)closedir(stream);
    if (r == 0 && chmod(to, mode & 07777) < 0)
        r = error_errno(e, errno, "%s", to);
    return r;
}

static int copy_path(const char *from, const char *to, struct error *e)
{
    struct stat st;
    int asked = signals_check(e);
    if (asked < 0)
        return asked;
    if (lstat(from, &st) < 0)
        return error_errno(e, errno, "%s", from);
    if (S_ISDIR(st.st_mode))
        return copy_directory(from, to, st.st_mode, e);
    if (S_ISLNK(st.st_mode)) {
        int r = copy_link(from, to, &st);
        return r < 0 ? error_errno(e, -r, "copying the link %s", from) : 0;
    }
    /* fails for other users' files (fs.protected_hardlinks), and always on another filesystem */
    if (link(from, to) == 0)
        return 0;
    int r = atomicfile_fill(from, to, e);
    if (r == 0 && chmod(to, st.st_mode & 07777) < 0)
        r = error_errno(e, errno, "%s", to);
    return r;
}

int storetree_copy(const struct storetree *tree, struct error *e)
{
    int r = make_links(tree) ? 0 : error_errno(e, errno, "%s/" LINKS, tree->directory);
    for (size_t i = 0; r == 0 && i < tree->paths->count; i++) {
        const char *path = tree->paths->items[i];
        char *from CLEANUP_FREE = find_path(tree, path, e);
        char *to CLEANUP_FREE = xasprintf("%s/%s", tree->directory, text_after_last(path, '/'));
        r = from ? copy_path(from, to, e) : -ENOENT;
    }
    if (r == 0 && chmod(tree->directory, 0755) < 0)
        r = error_errno(e, errno, "%s", tree->directory);
    return r;
}
