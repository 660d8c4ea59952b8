/* SPDX-License-Identifier: MIT */
#include "host/commands/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "base/text.h"
#include "host/system/process.h"

/* The number of links that the kernel follows (MAXSYMLINKS). */
#define LINKS_MAX 40

static bool is_runner(const char *path)
{
    const char *name = text_after_last(path, '/');
    return strlen(name) > strlen("run--vm") && startswith(name, "run-") && endswith(name, "-vm");
}

/* Returns the path by which the program was started; the caller frees. */
static char *own_path(const char *argv0)
{
    const char *path = getenv("PATH");
    char *found = strchr(argv0, '/') || !path ? NULL : process_find_on(path, argv0);
    return found ? found : xstrdup(argv0);
}

/* Returns the target of the link at `path`, relative to the working directory; the caller frees.
 * NULL if it is not a link. */
static char *follow(const char *path)
{
    char target[PATH_MAX];
    ssize_t length = readlink(path, target, sizeof target);
    if (length <= 0 || (size_t)length == sizeof target)
        return NULL;
    const char *slash = strrchr(path, '/');
    if (target[0] == '/' || !slash)
        return xstrndup(target, (size_t)length);
    return xasprintf("%.*s/%.*s", (int)(slash - path), path, (int)length, target);
}

/* Appends `path` and the target of each link on the way from it, as far as they are called
 * run-NAME-vm. */
static void add_names(struct strv *names, const char *path)
{
    char *at CLEANUP_FREE = xstrdup(path);
    for (int links = 0; at && links <= LINKS_MAX; links++) {
        if (is_runner(at) && !strv_contains(names, at))
            strv_push(names, at);
        char *next = follow(at);
        free(at);
        at = next;
    }
}

/* Lists the names run-NAME-vm by which the program was called. A wrapper, such as those that
 * nixpkgs makes, chooses argv[0] by itself: then the file that it executes (AT_EXECFN) counts too.
 */
static void list_names(struct strv *names, const char *argv0)
{
    const char *executed = (const char *)getauxval(AT_EXECFN);
    if (streq(text_after_last(argv0, '/'), "run-vm"))
        return;
    char *path CLEANUP_FREE = own_path(argv0);
    add_names(names, path);
    if (executed)
        add_names(names, executed);
}

bool runner_is_called(const char *argv0)
{
    struct strv names CLEANUP_STRV = {0};
    list_names(&names, argv0);
    return names.count > 0;
}

char *runner_find_config(const char *argv0, struct error *e)
{
    struct strv names CLEANUP_STRV = {0};
    struct strv looked CLEANUP_STRV = {0};
    list_names(&names, argv0);
    for (size_t i = 0; i < names.count; i++) {
        char *config CLEANUP_FREE = xasprintf("%s.json", names.items[i]);
        /* if it exists and cannot be read, that is reported later */
        if (faccessat(AT_FDCWD, config, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
            return TAKE(config);
        strv_push(&looked, config);
    }
    char *list CLEANUP_FREE = strv_join(&looked, ", ");
    (void)error_set(e, -ENOENT,
                    "%s: no configuration: there is none of %s; put one beside the "
                    "program's name or beside a link on the way to it, or use run-vm --config FILE",
                    argv0, list);
    (void)error_status(e, -ENOENT, STATUS_IO);
    return NULL;
}
