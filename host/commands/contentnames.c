/* SPDX-License-Identifier: MIT */
#include "host/commands/contentnames.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/system/atomicfile.h"
#include "host/system/filedigest.h"
#include "host/system/path.h"

/* Does something with the path of a file in the model. Returns 0 or a negative errno. */
typedef int visit(const struct plan *plan, char **path, struct error *e);

/* Visits a path if it is that of a file of the plan, of one of these kinds, which the guest only
 * reads. */
static int visit_one(const struct plan *plan, char **path, unsigned kinds, visit *visit_file,
                     struct error *e)
{
    for (size_t i = 0; *path && i < plan->file_count; i++) {
        const struct plan_file *file = &plan->files[i];

        if ((kinds & 1U << file->kind) && !file->writable && path_is_same(file->path, *path))
            return visit_file(plan, path, e);
    }
    return 0;
}

static int visit_all(struct plan *plan, visit *visit_file, struct error *e)
{
    int r = 0;

    for (size_t i = 0; i < plan->machine.count && r == 0; i++) {
        struct model_item *item = &plan->machine.items[i];

        if (item->kind == MODEL_DRIVE)
            r = visit_one(plan, &item->drive.file, 1U << FILE_STORE_IMAGE, visit_file, e);
        if (item->kind != MODEL_KERNEL)
            continue;
        r = visit_one(plan, &item->kernel.image, 1U << FILE_KERNEL | 1U << FILE_COPY, visit_file,
                      e);
        if (r == 0)
            r = visit_one(plan, &item->kernel.initrd, 1U << FILE_INITRD, visit_file, e);
    }
    return r;
}

/* Renames a file, and leaves a link of its old name; what is no file has been renamed before. In
 * between a domain has its own files all the time: those of the last time, whose names are others
 * or whose contents are the same. */
static int give(const struct plan *plan, char **path, struct error *e)
{
    char *plain CLEANUP_FREE = path_absolute(plan->cwd, *path);
    const char *name = text_after_last(plain, '/');
    int stem = (int)strcspn(name, ".");
    struct stat st;

    if (lstat(plain, &st) < 0 || !S_ISREG(st.st_mode))
        return 0;
    char *digest CLEANUP_FREE = filedigest(plain, NULL, e);
    if (!digest)
        return -EIO;
    char *target CLEANUP_FREE = xasprintf("%.*s-%s%s", stem, name, digest, name + stem);
    char *directory CLEANUP_FREE = path_directory(plain);
    char *own CLEANUP_FREE = xasprintf("%s/%s", directory, target);
    if (rename(plain, own) < 0)
        return error_errno(e, errno, "%s: cannot be renamed to %s", plain, target);
    return atomicfile_link(target, plain, e);
}

int contentnames_give(struct plan *plan, struct error *e)
{
    return visit_all(plan, give, e);
}

static int use(const struct plan *plan, char **path, struct error *e)
{
    char *plain CLEANUP_FREE = path_absolute(plan->cwd, *path);
    char *directory CLEANUP_FREE = path_directory(plain);
    char target[NAME_MAX + 1] = {0};
    ssize_t length = readlink(plain, target, sizeof target - 1);

    (void)e;
    if (length <= 0 || strchr(target, '/'))
        return 0;
    free(*path);
    *path = xasprintf("%s/%s", directory, target);
    return 0;
}

void contentnames_use(struct plan *plan)
{
    (void)visit_all(plan, use, NULL);
}
