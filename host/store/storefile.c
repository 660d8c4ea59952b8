/* SPDX-License-Identifier: MIT */
#include "host/store/storefile.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/log.h"
#include "host/store/erofslabel.h"
#include "host/store/storenames.h"
#include "host/store/storetree.h"
#include "host/system/process.h"
#include "host/system/progress.h"
#include "host/system/tree.h"

/* Version of the format; increased when the same inputs shall give other bytes. */
#define FORMAT 3

/* Interval between updates of the line on the terminal, in milliseconds. */
#define INTERVAL 200

/* An image being made. */
struct making {
    struct progress progress;
    const char *path;
};

/* Fills in the arguments of mkfs.erofs: those of nixpkgs' qemu-vm.nix, which exclude times, owners
 * and attributes of this machine. */
static void command(struct strv *argv, const char *image, const char *tree)
{
    static const char *const options[] = {
        "mkfs.erofs",
        "--quiet",
        "--force-uid=0",
        "--force-gid=0",
        "-U",
        "eb176051-bd15-49b7-9e6b-462e0b467019",
        "-T",
        "0",
        "-x-1",
    };
    for (size_t i = 0; i < ELEMENTS(options); i++)
        strv_push(argv, options[i]);
    strv_push(argv, image);
    strv_push(argv, tree);
}

static void show(void *context)
{
    struct making *making = context;
    struct stat st;
    if (stat(making->path, &st) == 0)
        progress_show(&making->progress, (uint64_t)st.st_blocks * 512);
}

static int copy_and_run(const struct storetree *tree, const struct strv *argv,
                        const struct process_watch *watch, struct error *e)
{
    log_debug("the store image is made of a copy: the kernel allows no mounts");
    int r = storetree_copy(tree, e);
    const struct process mkfs = {.argv = argv, .input = -1, .output = -1};
    pid_t pid = r < 0 ? r : process_start(&mkfs, e);
    return pid < 0 ? (int)pid : process_watch(pid, argv->items[0], watch, e);
}

/* Runs mkfs.erofs on the tree and shows its progress. */
static int run(const struct storepaths *paths, const struct storetree *tree,
               const struct strv *argv, const char *path, struct error *e)
{
    char *detail CLEANUP_FREE = xasprintf("made of %zu paths", paths->paths.count);
    struct making making = {
        .path = path,
        .progress = progress_start("store image", detail, PROGRESS_BYTES, storepaths_bytes(paths))};
    const struct process_watch watch = {.tick = show, .context = &making, .interval = INTERVAL};
    int r = storetree_run(tree, argv, &watch, e);
    if (r == -ENOTSUP)
        r = copy_and_run(tree, argv, &watch, e);
    progress_end(&making.progress);
    return r;
}

static int make(const char *directory, struct cache_inputs *inputs, void *context, struct error *e)
{
    (void)inputs;
    const struct storepaths *paths = context;
    char *path CLEANUP_FREE = xasprintf("%s/" STOREIMAGE_NAME, directory);
    char *mounted CLEANUP_FREE = xasprintf("%s/tree", directory);
    struct strv argv CLEANUP_STRV = {0};
    command(&argv, path, mounted);
    if (mkdir(mounted, 0755) < 0)
        return error_errno(e, errno, "%s", mounted);
    const struct storetree tree = {
        .paths = &paths->paths, .prefix = paths->prefix, .directory = mounted};
    int r = run(paths, &tree, &argv, path, e);
    if (r == 0)
        r = erofslabel_set(path, STOREIMAGE_LABEL, e);
    int removed = tree_remove(mounted, r < 0 ? NULL : e);
    /* mkfs.erofs does not report that a disk is full */
    if (r < 0)
        return error_context(e, r, "%s: cannot be made; is there room for it?", path);
    return removed;
}

int storefile_get(struct cache_entry *entry, const struct storepaths *paths, const char *fallback,
                  struct error *e)
{
    struct cache_key key;
    cache_key_start(&key, "store", FORMAT);
    for (size_t i = 0; i < paths->paths.count; i++) {
        /* store paths never change, but one may be rebuilt with other bytes */
        char *path CLEANUP_FREE = xasprintf("%s%s", paths->prefix, paths->paths.items[i]);
        cache_key_file(&key, path);
    }
    const struct cache_request request = {
        .kind = "store", .key = &key, .make = make, .context = (void *)paths, .fallback = fallback};
    return cache_get(entry, &request, e);
}
