/* SPDX-License-Identifier: MIT */
#include "host/cachecommand.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "common/alloc.h"
#include "common/log.h"
#include "host/cache.h"
#include "host/message.h"
#include "host/output.h"
#include "host/place.h"
#include "host/process.h"
#include "host/tree.h"

#define DAY (24 * 60 * 60)

static const char usage[] =
    "run-vm cache [list]\n"
    "        what is cached: kind and key, size, time since it was last used\n"
    "run-vm cache prune [--max-size SIZE] [--older-than DAYS]\n"
    "        remove what is not in use: until SIZE (bytes, or with K, M, G or T) is\n"
    "        left, what was last used more than DAYS ago, or all of it\n";

/* The cache is shared with what is built from source, which is not ours to remove: an entry ends
 * with its key, and what was left half made begins with a dot and our word for it. */
static bool is_ours(const char *name)
{
    static const char *const leftovers[] = {CACHE_NEW, CACHE_OLD};
    for (size_t i = 0; i < ELEMENTS(leftovers); i++)
        if (strncmp(name, leftovers[i], strlen(leftovers[i])) == 0)
            return true;
    const char *key = strrchr(name, '-');
    return key && strlen(key + 1) == CACHE_KEY_LENGTH &&
           strspn(key + 1, "0123456789abcdef") == CACHE_KEY_LENGTH;
}

/* The bytes on the disk of what stands in the directory, not deeper: entries are flat. */
static uint64_t bytes_in(int directory)
{
    int copy = fcntl(directory, F_DUPFD_CLOEXEC, 0);
    DIR *stream = copy < 0 ? NULL : fdopendir(copy);
    if (!stream) {
        if (copy >= 0)
            (void)close(copy);
        return 0;
    }
    uint64_t blocks = 0;
    struct stat st;
    for (const struct dirent *entry; (entry = readdir(stream));)
        if (fstatat(directory, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
            blocks += (uint64_t)st.st_blocks;
    (void)closedir(stream);
    return blocks * 512;
}

static void add_item(struct cache_items *items, int cache, const char *name)
{
    struct stat st;
    int fd CLEANUP_CLOSE = openat(cache, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return;
    items->items = xreallocarray(items->items, items->count + 1, sizeof *items->items);
    items->items[items->count++] =
        (struct cache_item){.name = xstrdup(name),
                            .bytes = bytes_in(fd),
                            .last_used = st.st_mtim.tv_sec,
                            .in_use = flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK};
}

static int by_use(const void *left, const void *right)
{
    const struct cache_item *a = left;
    const struct cache_item *b = right;
    if (a->last_used != b->last_used)
        return a->last_used < b->last_used ? -1 : 1;
    return strcmp(a->name, b->name);
}

int cache_items_read(struct cache_items *items, const char *cache, struct error *e)
{
    DIR *stream = opendir(cache);
    if (!stream)
        return errno == ENOENT || errno == ENOTDIR ? 0 : error_errno(e, errno, "%s", cache);
    for (const struct dirent *entry; (entry = readdir(stream));)
        if (is_ours(entry->d_name))
            add_item(items, dirfd(stream), entry->d_name);
    (void)closedir(stream);
    if (items->count > 0)
        qsort(items->items, items->count, sizeof *items->items, by_use);
    return 0;
}

void cache_items_free(struct cache_items *items)
{
    for (size_t i = 0; i < items->count; i++)
        free(items->items[i].name);
    free(items->items);
    *items = (struct cache_items){0};
}

/* "12.3 MiB"; the caller frees. */
static char *format_bytes(uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    uint64_t tenths = bytes * 10;
    for (; tenths >= 10240 && unit + 1 < ELEMENTS(units); unit++)
        tenths /= 1024;
    return unit == 0
               ? xasprintf("%" PRIu64 " B", bytes)
               : xasprintf("%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10, units[unit]);
}

/* "3 days"; the caller frees. */
static char *format_age(time_t age)
{
    static const struct {
        time_t seconds;
        const char *name;
    } units[] = {{DAY, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
    if (age < 0)
        age = 0;
    size_t unit = 0;
    while (unit + 1 < ELEMENTS(units) && age < units[unit].seconds)
        unit++;
    intmax_t count = age / units[unit].seconds;
    return xasprintf("%jd %s%s", count, units[unit].name, count == 1 ? "" : "s");
}

/* Removes an entry unless somebody has it. 1 when it is gone, 0 when it is in use. */
static int remove_item(const char *cache, const struct cache_item *item, struct error *e)
{
    char *path CLEANUP_FREE = xasprintf("%s/%s", cache, item->name);
    int fd CLEANUP_CLOSE = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 1 : error_errno(e, errno, "%s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        return 0;
    /* under another name first: whoever finds the name from now on makes the entry anew */
    char random[11];
    place_random_name(random);
    char *old CLEANUP_FREE = xasprintf("%s/" CACHE_OLD "%s", cache, random);
    if (rename(path, old) < 0)
        return error_errno(e, errno, "%s: cannot be removed", path);
    int r = tree_remove(old, e);
    return r < 0 ? r : 1;
}

int cache_prune(const char *cache, const struct cache_limits *limits, FILE *out, struct error *e)
{
    struct cache_items items CLEANUP_CACHE_ITEMS = {0};
    int result = cache_items_read(&items, cache, e);
    uint64_t left = 0;
    for (size_t i = 0; i < items.count; i++)
        left += items.items[i].bytes;
    for (size_t i = 0; i < items.count; i++) {
        const struct cache_item *item = &items.items[i];
        if (left <= limits->bytes && item->last_used >= limits->used_since)
            continue;
        int r = remove_item(cache, item, result ? NULL : e);
        char *size CLEANUP_FREE = format_bytes(item->bytes);
        char *name CLEANUP_FREE = message_clean(item->name);
        if (r < 0)
            result = result ? result : r;
        else
            (void)fprintf(out, "%s %s (%s)\n", r ? "removed" : "in use:", name, size);
        if (r > 0)
            left -= item->bytes;
    }
    return result;
}

static int list(const char *cache, struct error *e)
{
    struct cache_items items CLEANUP_CACHE_ITEMS = {0};
    int r = cache_items_read(&items, cache, e);
    uint64_t bytes = 0;
    time_t now = time(NULL);
    for (size_t i = 0; i < items.count; i++) {
        const struct cache_item *item = &items.items[i];
        char *size CLEANUP_FREE = format_bytes(item->bytes);
        char *age CLEANUP_FREE = format_age(now - item->last_used);
        char *name CLEANUP_FREE = message_clean(item->name);
        (void)printf("%-44s %10s  %s%s\n", name, size, age, item->in_use ? ", in use" : "");
        bytes += item->bytes;
    }
    char *size CLEANUP_FREE = format_bytes(bytes);
    char *shown CLEANUP_FREE = message_clean(cache);
    if (r == 0)
        (void)printf("%zu entries, %s in %s\n", items.count, size, shown);
    return r;
}

/* A number with K, M, G or T behind it for powers of 1024. */
static bool parse_size(const char *text, uint64_t *bytes)
{
    static const char units[] = "KMGT";
    char *end;
    errno = 0;
    *bytes = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)*text) || errno)
        return false;
    const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
    for (const char *u = units; unit && u <= unit; u++) {
        if (*bytes > UINT64_MAX / 1024)
            return false;
        *bytes *= 1024;
    }
    return unit ? !end[1] : !*end;
}

static int wrong_usage(const char *what, const char *argument)
{
    if (what)
        log_error("cache: %s: %s", argument, what);
    (void)fputs(usage, stderr);
    return STATUS_USAGE;
}

/* The limits of the command line. 0, or an exit status. */
static int parse_limits(int argc, char **argv, struct cache_limits *limits)
{
    static const struct option options[] = {{"max-size", required_argument, NULL, 's'},
                                            {"older-than", required_argument, NULL, 'd'},
                                            {0}};
    bool size_given = false;
    bool age_given = false;
    uint64_t days = 0;
    optind = 0;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 's' && !parse_size(optarg, &limits->bytes))
            return wrong_usage("not a size such as 500M", optarg);
        if (option == 'd' && (!parse_size(optarg, &days) || days > INT32_MAX))
            return wrong_usage("not a number of days", optarg);
        if (option != 's' && option != 'd')
            return wrong_usage(NULL, NULL);
        size_given |= option == 's';
        age_given |= option == 'd';
    }
    if (optind < argc)
        return wrong_usage("not understood", argv[optind]);
    if (age_given && !size_given)
        limits->bytes = UINT64_MAX;
    if (age_given)
        limits->used_since = time(NULL) - (time_t)days * DAY;
    return 0;
}

static int print_usage(void)
{
    (void)fputs(usage, stdout);
    return output_finish();
}

int cache_command(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "list";
    char *cache CLEANUP_FREE = cache_directory();
    struct error e CLEANUP_ERROR = {0};
    struct cache_limits limits = {0};
    int r = 0;
    if (strcmp(verb, "--help") == 0)
        return print_usage();
    if (strcmp(verb, "list") != 0 && strcmp(verb, "prune") != 0)
        return wrong_usage("neither list nor prune", verb);
    if (strcmp(verb, "list") == 0 && argc > 2)
        return wrong_usage("not understood", argv[2]);
    if (strcmp(verb, "prune") == 0) {
        int status = parse_limits(argc - 1, argv + 1, &limits);
        if (status)
            return status;
    }
    if (!cache)
        return 0; /* no HOME, no cache */
    r = strcmp(verb, "list") == 0 ? list(cache, &e) : cache_prune(cache, &limits, stdout, &e);
    if (r < 0)
        log_error("%s", e.message);
    int status = output_finish();
    return r < 0 ? STATUS_IO : status;
}
