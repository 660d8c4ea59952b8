/* SPDX-License-Identifier: MIT */
/* Runs init's code on disk images: blank-probe IMAGE… prints for each whether it is blank;
 * blank-probe --makefs IMAGE… formats each as x-systemd.makefs does, or prints why not. */
#include <fcntl.h>
#include <stdio.h>

#include "base/error.h"
#include "base/text.h"
#include "init/format/blank.h"
#include "init/format/makefs.h"

static const char *const states[] = {
    [BLANK_UNDECIDED] = "undecided",  [BLANK_YES] = "blank", [BLANK_INTERRUPTED] = "interrupted",
    [BLANK_UNCLEARED] = "unfinished", [BLANK_HELD] = "held", [BLANK_AMBIVALENT] = "ambivalent",
    [BLANK_TOO_SMALL] = "too small",
};

static int examine(const char *path)
{
    struct error e CLEANUP_ERROR = {0};
    struct blank b CLEANUP_BLANK = {0};
    int fd CLEANUP_CLOSE = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        perror(path);
        return 1;
    }
    if (blank_examine(fd, path, NULL, &b, &e) < 0) {
        (void)printf("unreadable: %s\n", e.message);
        return 1;
    }
    (void)printf("%s: %s\n", states[b.state], b.what);
    return 0;
}

static int makefs(const char *path)
{
    struct error e CLEANUP_ERROR = {0};
    struct probe p CLEANUP_PROBE = {0};
    int r = makefs_if_blank(path, NULL, NULL, &p, &e);
    if (r < 0)
        (void)printf("refused: %s\n", e.message);
    else
        (void)printf("%s: %s filesystem\n", r ? "formatted" : "kept", p.type);
    return r < 0;
}

int main(int argc, char **argv)
{
    int first = argc > 1 && streq(argv[1], "--makefs") ? 2 : 1;
    if (first >= argc) {
        (void)fprintf(stderr, "usage: %s [--makefs] IMAGE...\n", argv[0]);
        return 2;
    }
    int status = 0;
    for (int i = first; i < argc; i++)
        status |= first == 2 ? makefs(argv[i]) : examine(argv[i]);
    return status;
}
