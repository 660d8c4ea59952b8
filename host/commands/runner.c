/* SPDX-License-Identifier: MIT */
#include "host/commands/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "base/text.h"
#include "host/system/process.h"

/* The number of links that the kernel follows (MAXSYMLINKS). */
#define LINKS_MAX 40

bool runner_is_name(const char *argv0)
{
    const char *slash = strrchr(argv0, '/');
    const char *name = slash ? slash + 1 : argv0;
    size_t length = strlen(name);
    return length > strlen("run--vm") && startswith(name, "run-") &&
           streq(name + length - 3, "-vm");
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

char *runner_find_config(const char *argv0, struct error *e)
{
    struct strv seen CLEANUP_STRV = {0};
    char *path CLEANUP_FREE = own_path(argv0);
    for (int links = 0; path && links <= LINKS_MAX; links++) {
        char *config CLEANUP_FREE = xasprintf("%s.json", path);
        /* if it exists and cannot be read, that is reported later */
        if (runner_is_name(path) && faccessat(AT_FDCWD, config, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
            return TAKE(config);
        if (runner_is_name(path))
            strv_push(&seen, config);
        char *next = follow(path);
        free(path);
        path = next;
    }
    char *looked CLEANUP_FREE = strv_join(&seen, ", ");
    (void)error_set(e, -ENOENT,
                    "%s: no configuration: there is none of %s; put one beside the "
                    "program's name or beside a link on the way to it, or use run-vm --config FILE",
                    argv0, looked);
    (void)error_status(e, -ENOENT, STATUS_IO);
    return NULL;
}
