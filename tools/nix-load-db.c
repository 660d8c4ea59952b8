/* SPDX-License-Identifier: MIT */
/* nix-load-db: does what `nix-store --load-db` does, with init's code, for tests and measurements.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/text.h"
#include "init/nix/nixdb.h"

enum { EXIT_USAGE = 64 };

static const char usage[] =
    "usage: nix-load-db [OPTION]... STATE-DIR <REGISTRATION\n"
    "Registers store paths in the Nix database STATE-DIR/db.\n"
    "  --store-dir DIR   the store's name in the database (/nix/store)\n"
    "  --real-store DIR  where the store's files are (STATE-DIR/../../store)\n"
    "  --like VERSION    make a new database as Nix 2.8 (the default) or 2.26 does\n"
    "  --own PATH        the registration's name in the store, which is then registered too\n"
    "  --file FILE       read the registration from FILE\n"
    "  --verbose         say what was done\n";

struct options {
    struct nixtarget target;
    const char *file;
    bool verbose;
};

static bool set_version(struct options *o, const char *version)
{
    static const char *const names[] = {[NIXTARGET_2_8] = "2.8", [NIXTARGET_2_26] = "2.26"};
    for (size_t i = 0; i < ELEMENTS(names); i++) {
        if (streq(version, names[i])) {
            o->target.version = (enum nixtarget_version)i;
            return true;
        }
    }
    return false;
}

static bool parse(int argc, char **argv, struct options *o)
{
    static const struct option options[] = {
        {"store-dir", required_argument, NULL, 's'},
        {"real-store", required_argument, NULL, 'r'},
        {"like", required_argument, NULL, 'l'},
        {"own", required_argument, NULL, 'o'},
        {"file", required_argument, NULL, 'f'},
        {"verbose", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 's')
            o->target.store_dir = optarg;
        else if (c == 'r')
            o->target.real_store = optarg;
        else if (c == 'o')
            o->target.registration_path = optarg;
        else if (c == 'f')
            o->file = optarg;
        else if (c == 'v')
            o->verbose = true;
        else if (c != 'l' || !set_version(o, optarg))
            return false;
    }
    if (optind + 1 != argc)
        return false;
    o->target.state_dir = argv[optind];
    return true;
}

int main(int argc, char **argv)
{
    struct options o = {0};
    struct nixtarget_result result;
    struct error e CLEANUP_ERROR = {0};
    if (!parse(argc, argv, &o)) {
        (void)fputs(usage, stderr);
        return EXIT_USAGE;
    }
    char *store CLEANUP_FREE = xasprintf("%s/../../store", o.target.state_dir);
    if (!o.target.real_store)
        o.target.real_store = store;
    int r = o.file ? nixdb_register(&o.target, o.file, &result, &e)
                   : nixdb_register_fd(&o.target, STDIN_FILENO, "standard input", &result, &e);
    if (r < 0) {
        (void)fprintf(stderr, "nix-load-db: %s\n", e.message);
        return EXIT_FAILURE;
    }
    if (o.verbose)
        (void)printf("%zu paths: %zu added, %zu updated, %zu references added%s\n", result.paths,
                     result.added, result.updated, result.references,
                     result.created ? ", database created" : "");
    return EXIT_SUCCESS;
}
