/* SPDX-License-Identifier: MIT */
#include "init/plan/mountorder.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

bool mountorder_is_within(const char *path, const char *directory)
{
    if (streq(directory, "/"))
        return true;
    const char *rest = startswith(path, directory);
    return rest && (*rest == '\0' || *rest == '/');
}

/* True if `path` (a source or mount point of `mount`) is inside the mount `other`. The layers of a
 * root overlay are mounted outside the new root. */
static bool path_needs(const struct plan_mount *mount, const char *path,
                       const struct plan_mount *other)
{
    bool outside = mount->outside || streq(mount->where, "/");
    return other->outside == outside && mountorder_is_within(path, other->where);
}

/* True if `other` must be mounted before `mount`. A source below the mount's own mount point is
 * allowed: it is resolved before the mount hides it. */
static bool needs(const struct plan_mount *mount, const struct plan_mount *other)
{
    if (mount == other)
        return false;
    if (!streq(mount->where, "/") && path_needs(mount, mount->where, other))
        return true;
    for (size_t i = 0; i < mount->options.requires.count; i++)
        if (path_needs(mount, mount->options.requires.items[i], other))
            return true;
    if (mount->source == PLAN_BIND)
        return path_needs(mount, mount->what, other);
    const struct plan_layers *layers = &mount->layers;
    for (size_t i = 0; i < layers->lower.count; i++)
        if (path_needs(mount, layers->lower.items[i], other))
            return true;
    return (layers->upper && path_needs(mount, layers->upper, other)) ||
           (layers->work && path_needs(mount, layers->work, other));
}

static int refuse_duplicates(const struct plan_mount *mounts, size_t count, struct error *e)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (mounts[i].outside == mounts[j].outside && streq(mounts[i].where, mounts[j].where))
                return error_set(e, -EINVAL, "%s: both \"%s\" and \"%s\" are to be mounted there",
                                 mounts[i].where, mounts[j].what, mounts[i].what);
    return 0;
}

/* Returns the first mount not yet placed that `mount` needs; NULL: `mount` can be mounted. */
static const struct plan_mount *blocker(const struct plan_mount *mounts, size_t count,
                                        const bool *placed, const struct plan_mount *mount)
{
    for (size_t i = 0; i < count; i++)
        if (!placed[i] && needs(mount, &mounts[i]))
            return &mounts[i];
    return NULL;
}

/* Reports a cycle: none of the mounts left can be mounted, so that a path from any of them to its
 * blocker, and on, ends in one. */
static int report_cycle(const struct plan_mount *mounts, size_t count, const bool *placed,
                        struct error *e)
{
    const struct plan_mount *start = NULL;
    for (size_t i = 0; i < count && !start; i++)
        if (!placed[i])
            start = &mounts[i];
    for (size_t steps = 0; steps < count; steps++)
        start = blocker(mounts, count, placed, start);

    struct strv names CLEANUP_STRV = {0};
    const struct plan_mount *mount = start;
    do {
        strv_push(&names, mount->where);
        mount = blocker(mounts, count, placed, mount);
    } while (mount != start);
    strv_push(&names, start->where);
    char *path CLEANUP_FREE = strv_join(&names, " needs ");
    return error_set(e, -EINVAL, "the mounts need each other: %s", path);
}

static size_t next_ready(const struct plan_mount *mounts, size_t count, const bool *placed)
{
    for (size_t i = 0; i < count; i++)
        if (!placed[i] && !blocker(mounts, count, placed, &mounts[i]))
            return i;
    return count;
}

int mountorder_sort(struct plan_mount *mounts, size_t count, struct error *e)
{
    int r = refuse_duplicates(mounts, count, e);
    if (r < 0)
        return r;
    bool *placed CLEANUP_FREE = xcalloc(count, sizeof *placed);
    struct plan_mount *ordered CLEANUP_FREE = xcalloc(count, sizeof *ordered);
    for (size_t done = 0; done < count; done++) {
        size_t next = next_ready(mounts, count, placed);
        if (next == count)
            return report_cycle(mounts, count, placed, e);
        ordered[done] = mounts[next];
        placed[next] = true;
    }
    memcpy(mounts, ordered, count * sizeof *mounts);
    return 0;
}
