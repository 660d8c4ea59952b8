/* SPDX-License-Identifier: MIT */
#include "host/prepare/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/units.h"
#include "host/cache/cache.h"
#include "host/machine/frozenargv.h"
#include "host/plan/accel.h"
#include "host/system/path.h"

/* The version of an entry's content, and of how it is made. */
#define FORMAT 1

#define MEMORY CACHEINFO_MAPPED
#define STATE  "state"

void snapshot_free(struct snapshot *snapshot)
{
    free(snapshot->memory);
    cleanup_close(&snapshot->state);
    cleanup_close(&snapshot->lock);
    *snapshot = (struct snapshot){.state = -1, .lock = -1};
}

uint64_t snapshot_memory(const struct plan *plan)
{
    const struct model_item *memory = model_find(&plan->machine, MODEL_MEMORY);
    return memory ? memory->number * MIB : 0;
}

/* Adds a file that the machine starts from. One that could not be cached, and so is in the
 * temporary directory itself, is another one at each start: an error. */
static int add_file(struct cache_key *key, const struct plan *plan, const char *path,
                    struct error *e)
{
    char *cache CLEANUP_FREE = cache_directory();
    char *whole CLEANUP_FREE = realpath(path, NULL);
    if (!whole)
        return error_errno(e, errno, "%s", path);
    if (path_rest(plan->cwd, whole) && !(cache && path_rest(cache, whole)))
        return error_set(e, -ENOENT, "%s is not in the cache", whole);
    cache_key_file(key, whole);
    return 0;
}

/* A guest on TCG has measured the rate of the host's time stamp counter. */
static void add_host(struct cache_key *key)
{
    char *cpuinfo CLEANUP_FREE = accel_cpuinfo();
    char *model CLEANUP_FREE = accel_model_name(cpuinfo);
    cache_key_text(key, model);
}

static int fill_key(struct cache_key *key, const struct plan *plan, struct error *e)
{
    const struct model_item *kernel = model_find(&plan->machine, MODEL_KERNEL);
    struct strv texts CLEANUP_STRV = {0};
    const char *const files[] = {plan->machine.program, kernel->kernel.image,
                                 kernel->kernel.initrd};
    cache_key_start(key, "snapshot", FORMAT);
    add_host(key);
    frozenargv_fingerprint(&plan->machine, &texts);
    for (size_t i = 0; i < texts.count; i++)
        cache_key_text(key, texts.items[i]);
    int r = 0;
    for (size_t i = 0; r == 0 && i < ELEMENTS(files); i++)
        r = add_file(key, plan, files[i], e);
    return r;
}

struct making {
    const struct plan *plan;
    snapshot_maker *make;
    const void *context;
};

/* Writes a file back, so that after a power loss the entry has it or does not exist. */
static int write_back(const char *path, struct error *e)
{
    int fd CLEANUP_CLOSE = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 || fsync(fd) < 0 ? error_errno(e, errno, "%s", path) : 0;
}

static int make(const char *directory, struct cache_inputs *inputs, void *context, struct error *e)
{
    const struct making *making = context;
    (void)inputs;
    log_info("making a snapshot for warm starts (boots the machine once)");
    char *memory CLEANUP_FREE = xasprintf("%s/" MEMORY, directory);
    char *path CLEANUP_FREE = xasprintf("%s/" STATE, directory);
    int state CLEANUP_CLOSE = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (state < 0)
        return error_errno(e, errno, "%s", path);
    int r = making->make(making->plan, memory, state, making->context, e);
    if (r == 0)
        r = write_back(memory, e);
    return r < 0 ? r : write_back(path, e);
}

static int use(struct snapshot *snapshot, const char *directory, struct error *e)
{
    char *path CLEANUP_FREE = xasprintf("%s/" STATE, directory);
    snapshot->memory = xasprintf("%s/" MEMORY, directory);
    snapshot->state = open(path, O_RDONLY | O_CLOEXEC);
    return snapshot->state < 0 ? error_errno(e, errno, "%s", path) : 0;
}

int snapshot_get(struct snapshot *snapshot, const struct plan *plan, snapshot_maker *maker,
                 const void *context, struct error *e)
{
    struct cache_key key;
    struct making making = {.plan = plan, .make = maker, .context = context};
    struct cache_entry entry;
    int r = fill_key(&key, plan, e);
    if (r < 0)
        return r;
    r = cache_get(
        &entry,
        &(struct cache_request){
            .kind = "snapshot", .key = &key, .make = make, .context = &making, .impatient = true},
        e);
    if (r < 0)
        return r;
    char *directory CLEANUP_FREE = entry.path;
    snapshot->lock = entry.lock;
    return use(snapshot, directory, e);
}

void snapshot_drop(struct snapshot *snapshot)
{
    /* an entry without one of its files is no longer used, and is removed by the next start */
    if (snapshot->lock >= 0)
        (void)unlinkat(snapshot->lock, STATE, 0);
    snapshot_free(snapshot);
}
