/* SPDX-License-Identifier: MIT */
#include "host/store/erofsnode.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/text.h"
#include "host/system/signals.h"

/* A tree that is being read. */
struct reading {
    void *files; /* of tsearch(3): the files with several names */
    struct error *e;
};

void erofsnode_free(struct erofsnode *node)
{
    if (!node)
        return;
    for (size_t i = 0; i < node->count; i++)
        erofsnode_free(node->children[i]);
    free(node->children);
    free(node->name);
    free(node->target);
    free(node);
}

static int by_number(const void *left, const void *right)
{
    const struct erofsnode *a = left;
    const struct erofsnode *b = right;
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return a->filesystem < b->filesystem ? -1 : a->filesystem > b->filesystem;
}

/* Finds the first name of a file that has several. */
static void find_same(struct reading *reading, struct erofsnode *node)
{
    struct erofsnode **first = tsearch(node, &reading->files, by_number);
    if (!first)
        alloc_out_of_memory(); /* does not return */
    if (!first || *first == node)
        return;
    node->same = *first;
    node->same->links++;
}

static int read_node(struct reading *reading, int directory, const char *name,
                     struct erofsnode **made);

/* Reads what is in a directory. */
static int read_children(struct reading *reading, int directory, struct erofsnode *node)
{
    int fd = openat(directory, node->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (!stream) {
        int number = errno;
        cleanup_close(&fd);
        return error_errno(reading->e, number, "%s", node->name);
    }
    int r = signals_check(reading->e);
    for (const struct dirent *entry; r == 0 && (entry = readdir(stream));) {
        if (streq(entry->d_name, ".") || streq(entry->d_name, ".."))
            continue;
        struct erofsnode *child = NULL;
        r = read_node(reading, dirfd(stream), entry->d_name, &child);
        if (!child)
            break;
        ARRAY_PUSH(node->children, node->count, child);
        node->links += S_ISDIR(child->mode);
    }
    (void)closedir(stream);
    return r < 0 ? error_context(reading->e, r, "%s", node->name) : 0;
}

static int read_target(struct reading *reading, int directory, struct erofsnode *node)
{
    node->target = xcalloc(node->size + 2, 1);
    ssize_t length = readlinkat(directory, node->name, node->target, node->size + 1);
    if (length < 0)
        return error_errno(reading->e, errno, "%s", node->name);
    if ((uint64_t)length > node->size)
        return error_set(reading->e, -EAGAIN, "%s: the link changes while it is read", node->name);
    node->size = (uint64_t)length;
    return 0;
}

static void fill_node(struct erofsnode *node, const struct stat *st)
{
    bool file = S_ISREG(st->st_mode);
    node->mode = st->st_mode;
    node->size = file || S_ISLNK(st->st_mode) ? (uint64_t)st->st_size : 0;
    node->links = S_ISDIR(st->st_mode) ? 2 : 1;
    node->sparse = file && (uint64_t)st->st_blocks * 512 < node->size;
    node->filesystem = st->st_dev;
    node->number = st->st_ino;
    if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
        node->device = (minor(st->st_rdev) & 0xff) | major(st->st_rdev) << 8 |
                       (uint64_t)(minor(st->st_rdev) & ~0xffU) << 12;
}

static int read_node(struct reading *reading, int directory, const char *name,
                     struct erofsnode **made)
{
    struct stat st;
    if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return error_errno(reading->e, errno, "%s", name);
    struct erofsnode *node = xcalloc(1, sizeof *node);
    node->name = xstrdup(name);
    fill_node(node, &st);
    int r = 0;
    if (S_ISDIR(st.st_mode))
        r = read_children(reading, directory, node);
    else if (S_ISLNK(st.st_mode))
        r = read_target(reading, directory, node);
    if (r == 0 && !S_ISDIR(st.st_mode) && st.st_nlink > 1)
        find_same(reading, node);
    if (r < 0)
        erofsnode_free(node);
    else
        *made = node;
    return r;
}

static void keep(void *node)
{
    (void)node;
}

int erofsnode_read(struct erofsnode **node, int directory, const char *name, struct error *e)
{
    struct reading reading = {.e = e};
    int r = read_node(&reading, directory, name, node);
    tdestroy(reading.files, keep);
    return r;
}
