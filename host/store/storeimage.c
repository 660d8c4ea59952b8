/* SPDX-License-Identifier: MIT */
#include "host/store/storeimage.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "host/store/closure.h"
#include "host/store/erofslabel.h"
#include "host/store/storetree.h"
#include "host/system/process.h"
#include "host/system/progress.h"
#include "host/system/tree.h"

/* Version of the format; increased when the same inputs shall give other bytes. */
#define FORMAT 3

/* Interval between updates of the line on the terminal, in milliseconds. */
#define INTERVAL 200

struct image {
    struct strv paths; /* sorted, each once */
    const char *prefix;
    char *list; /* file that lists them; owned */
};

/* An image being made. */
struct making {
    struct progress progress;
    const char *path;
};

static int parse_list(struct strv *paths, const char *file, struct error *e)
{
    size_t size = 0;
    char *text CLEANUP_FREE = file_read(file, FILE_LIMIT, &size, e);
    if (!text)
        return -EIO;
    struct strv lines CLEANUP_STRV = {0};
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));)
        if (*line)
            strv_push(&lines, line);
    if (lines.count == 0)
        return error_set(e, -EINVAL, "%s: there is no path in it", file);
    strv_sort(&lines);
    for (size_t i = 0; i < lines.count; i++)
        if (i == 0 || !streq(lines.items[i], lines.items[i - 1]))
            strv_push(paths, lines.items[i]);
    return 0;
}

/* Returns the sum of the sizes (the third line of each path) in the registration beside a list of
 * paths; 0 if it cannot be read. */
static uint64_t registered_bytes(const char *list)
{
    const char *slash = strrchr(list, '/');
    char *file CLEANUP_FREE =
        xasprintf("%.*s" CLOSURE_REGISTRATION, slash ? (int)(slash - list) + 1 : 0, list);
    size_t size = 0;
    char *text CLEANUP_FREE = file_read(file, FILE_LIMIT, &size, NULL);
    uint64_t bytes = 0;
    for (char *rest = text; rest && *rest;) {
        const char *fields[5] = {NULL};
        for (size_t i = 0; i < ELEMENTS(fields) && rest; i++)
            fields[i] = strsep(&rest, "\n");
        if (!fields[4])
            return 0;
        bytes += strtoull(fields[2], NULL, 10);
        for (unsigned long left = strtoul(fields[4], NULL, 10); left > 0 && rest; left--)
            (void)strsep(&rest, "\n");
    }
    return bytes;
}

/* Gets the paths of the closure from Nix. */
static int find_closure(struct image *image, const struct strv *roots, const char *fallback,
                        struct error *e)
{
    struct cache_entry entry;
    int r = closure_get(&entry, roots, image->prefix, fallback, e);
    if (r < 0)
        return r;
    char *directory CLEANUP_FREE = entry.path;
    char *file CLEANUP_FREE = xasprintf("%s/" CLOSURE_PATHS, directory);
    r = parse_list(&image->paths, file, e);
    image->list = TAKE(file);
    if (entry.lock >= 0)
        (void)close(entry.lock);
    else
        (void)tree_remove(directory, NULL);
    return r;
}

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
static int run(const struct image *image, const struct storetree *tree, const struct strv *argv,
               const char *path, struct error *e)
{
    char *detail CLEANUP_FREE = xasprintf("made of %zu paths", image->paths.count);
    struct making making = {.path = path,
                            .progress = progress_start("store image", detail, PROGRESS_BYTES,
                                                       registered_bytes(image->list))};
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
    const struct image *image = context;
    char *path CLEANUP_FREE = xasprintf("%s/" STOREIMAGE_NAME, directory);
    char *mounted CLEANUP_FREE = xasprintf("%s/tree", directory);
    struct strv argv CLEANUP_STRV = {0};
    command(&argv, path, mounted);
    if (mkdir(mounted, 0755) < 0)
        return error_errno(e, errno, "%s", mounted);
    const struct storetree tree = {
        .paths = &image->paths, .prefix = image->prefix, .directory = mounted};
    int r = run(image, &tree, &argv, path, e);
    if (r == 0)
        r = erofslabel_set(path, STOREIMAGE_LABEL, e);
    int removed = tree_remove(mounted, r < 0 ? NULL : e);
    /* mkfs.erofs does not report that a disk is full */
    if (r < 0)
        return error_context(e, r, "%s: cannot be made; is there room for it?", path);
    return removed;
}

int storeimage_get(struct cache_entry *entry, const char *list, const struct strv *roots,
                   const char *prefix, const char *fallback, struct error *e)
{
    struct image image = {.prefix = prefix ? prefix : ""};
    int r = list ? parse_list(&image.paths, list, e) : find_closure(&image, roots, fallback, e);
    if (list)
        image.list = xstrdup(list);
    struct cache_key key;
    cache_key_start(&key, "store", FORMAT);
    for (size_t i = 0; r == 0 && i < image.paths.count; i++) {
        /* store paths never change, but one may be rebuilt with other bytes */
        char *path CLEANUP_FREE = xasprintf("%s%s", image.prefix, image.paths.items[i]);
        cache_key_file(&key, path);
    }
    const struct cache_request request = {
        .kind = "store", .key = &key, .make = make, .context = &image, .fallback = fallback};
    if (r == 0)
        r = cache_get(entry, &request, e);
    strv_free(&image.paths);
    free(image.list);
    return r < 0 ? error_context(e, r, "store image") : 0;
}
