/* SPDX-License-Identifier: MIT */
#include "host/commands/cachecommand.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/text.h"
#include "host/cache/cache.h"
#include "host/cache/cacheitems.h"
#include "host/config/size.h"
#include "host/system/message.h"
#include "host/system/output.h"
#include "host/system/process.h"

#define DAY (24 * 60 * 60)

static const char usage[] =
    "run-vm cache [list]\n"
    "        what is cached: kind and number, size, time since it was last\n"
    "        used; how much may be\n"
    "run-vm cache prune [--max-size SIZE] [--older-than DAYS]\n"
    "        remove what is not in use: until SIZE (bytes, or with K, M, G or T) is\n"
    "        left, what was last used more than DAYS ago, or all of it\n";

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

static int list(const char *cache, struct error *e)
{
    struct cache_items items CLEANUP_CACHE_ITEMS = {0};
    int r = cache_items_read(&items, cache, e);
    uint64_t bytes = 0;
    time_t now = time(NULL);
    for (size_t i = 0; i < items.count; i++) {
        const struct cache_item *item = &items.items[i];
        char *size CLEANUP_FREE = cache_items_format(item->bytes);
        char *age CLEANUP_FREE = format_age(now - item->last_used);
        char *name CLEANUP_FREE = message_clean(item->name);
        (void)printf("%-44s %10s  %s%s\n", name, size, age, item->in_use ? ", in use" : "");
        bytes += item->bytes;
    }
    char *size CLEANUP_FREE = cache_items_format(bytes);
    char *shown CLEANUP_FREE = message_clean(cache);
    char *most CLEANUP_FREE = cache_items_format(cache_default_limit(cache));
    if (r == 0)
        (void)printf("%zu entries, %s in %s; at most %s unless runVm.cacheSize is set\n",
                     items.count, size, shown, most);
    return r;
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
        if (option == 's' && !size_parse(optarg, 1, &limits->bytes))
            return wrong_usage("not a size such as 500M", optarg);
        if (option == 'd' && (!size_parse(optarg, 1, &days) || days > INT32_MAX))
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
    if (streq(verb, "--help"))
        return print_usage();
    if (!streq(verb, "list") && !streq(verb, "prune"))
        return wrong_usage("neither list nor prune", verb);
    if (streq(verb, "list") && argc > 2)
        return wrong_usage("not understood", argv[2]);
    if (streq(verb, "prune")) {
        int status = parse_limits(argc - 1, argv + 1, &limits);
        if (status)
            return status;
    }
    if (!cache)
        return 0; /* no HOME, no cache */
    r = streq(verb, "list") ? list(cache, &e) : cache_items_prune(cache, &limits, stdout, &e);
    if (r < 0)
        log_error("%s", e.message);
    int status = output_finish();
    return r < 0 ? STATUS_IO : status;
}
