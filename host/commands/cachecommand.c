/* SPDX-License-Identifier: MIT */
#include "host/commands/cachecommand.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include "base/alloc.h"
#include "host/cache/cache.h"
#include "host/cache/cacheitems.h"
#include "host/config/size.h"
#include "host/store/packcollect.h"
#include "host/store/storepack.h"
#include "host/system/message.h"
#include "host/system/output.h"
#include "host/system/process.h"

#define DAY (24 * 60 * 60)

#define HELP_OPTION                                                                                \
    {                                                                                              \
        "help", 'h', COMMANDLINE_HELP, 0, NULL, .help = "print this"                               \
    }

static const struct commandline_option list_options[] = {
    HELP_OPTION,
};
const struct commandline cachecommand_list_syntax = {.options = list_options,
                                                     .count = ELEMENTS(list_options)};

#define MEMBER(name) offsetof(struct cachecommand_prune_options, name)

static const struct commandline_option prune_options[] = {
    {"max-size", 0, COMMANDLINE_TEXT, MEMBER(max_size), "SIZE",
     .help = "remove the entries not used for longest, until no more than SIZE is left (bytes, or "
             "with K, M, G or T)"},
    {"older-than", 0, COMMANDLINE_TEXT, MEMBER(older_than), "DAYS",
     .help = "remove the entries last used more than DAYS ago"},
    HELP_OPTION,
};
const struct commandline cachecommand_prune_syntax = {.options = prune_options,
                                                      .count = ELEMENTS(prune_options)};

/* Formats an age such as "3 days"; the caller frees. */
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

/* Prints the line of the pack, whose bytes are in the sizes of the store images that need them. */
static void print_pack(const char *cache)
{
    struct packcollect_usage usage;
    if (!packcollect_measure(cache, &usage))
        return;
    char *size CLEANUP_FREE = cacheitems_format(usage.bytes);
    char *needed CLEANUP_FREE = cacheitems_format(usage.needed);
    (void)printf("%-44s %10s  %" PRIu64 " store paths, %s in the images above\n", STOREPACK_NAME,
                 size, usage.pieces, needed);
}

static int print_list(const char *cache, struct error *e)
{
    struct cache_items items CLEANUP_CACHE_ITEMS = {0};
    int r = cacheitems_read(&items, cache, e);
    uint64_t bytes = 0;
    time_t now = time(NULL);
    for (size_t i = 0; i < items.count; i++) {
        const struct cache_item *item = &items.items[i];
        char *size CLEANUP_FREE = cacheitems_format(item->bytes);
        char *age CLEANUP_FREE = format_age(now - item->last_used);
        char *name CLEANUP_FREE = message_clean(item->name);
        (void)printf("%-44s %10s  %s%s\n", name, size, age, item->in_use ? ", in use" : "");
        bytes += item->bytes;
    }
    char *size CLEANUP_FREE = cacheitems_format(bytes);
    char *shown CLEANUP_FREE = message_clean(cache);
    char *most CLEANUP_FREE = cacheitems_format(cache_default_limit(cache));
    if (r == 0)
        print_pack(cache);
    if (r == 0)
        (void)printf("%zu entries, %s in %s; at most %s unless runVm.cacheSize is set\n",
                     items.count, size, shown, most);
    return r;
}

/* Ends a command: reports what failed, and whether the output has been written. */
static int finish(int r, const struct error *e)
{
    if (r < 0)
        (void)message_report(e, STATUS_IO);
    int status = output_finish();
    return r < 0 ? STATUS_IO : status;
}

int cachecommand_list(void *options)
{
    (void)options;
    struct error e CLEANUP_ERROR = {0};
    char *cache CLEANUP_FREE = cache_directory();
    if (!cache)
        return 0; /* no HOME, no cache */
    int r = print_list(cache, &e);
    return finish(r, &e);
}

static int read_limits(struct cache_limits *limits,
                       const struct cachecommand_prune_options *options, struct error *e)
{
    uint64_t days = 0;
    if (options->max_size && !size_parse(options->max_size, 1, &limits->bytes))
        return error_set(e, -EINVAL, "--max-size: is \"%s\", expected a size such as 500M",
                         options->max_size);
    if (!options->older_than)
        return 0;
    if (!size_parse(options->older_than, 1, &days) || days > INT32_MAX)
        return error_set(e, -EINVAL, "--older-than: is \"%s\", expected a number of days",
                         options->older_than);
    if (!options->max_size)
        limits->bytes = UINT64_MAX;
    limits->used_since = time(NULL) - (time_t)days * DAY;
    return 0;
}

int cachecommand_prune(void *options)
{
    struct error e CLEANUP_ERROR = {0};
    struct cache_limits limits = {0};
    if (read_limits(&limits, options, &e) < 0)
        return message_report(&e, STATUS_USAGE);
    char *cache CLEANUP_FREE = cache_directory();
    if (!cache)
        return 0; /* no HOME, no cache */
    int r = cacheitems_prune(cache, &limits, stdout, &e);
    if (r == 0)
        r = packcollect(cache, &e);
    return finish(r, &e);
}
