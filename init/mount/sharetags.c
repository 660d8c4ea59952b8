/* SPDX-License-Identifier: MIT */
#include "init/mount/sharetags.h"

#include <glob.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/strv.h"
#include "base/text.h"

/* Linux lists 9p's tags since 2.6.39, virtiofs's since 6.9. */
static const struct {
    const char *fstype;
    const char *driver; /* exists if the kernel lists tags */
    const char *tags;
} sources[] = {
    {"9p", "/sys/bus/virtio/drivers/9pnet_virtio",
     "/sys/bus/virtio/drivers/9pnet_virtio/*/mount_tag"},
    {"virtiofs", "/sys/fs/virtiofs", "/sys/fs/virtiofs/*/tag"},
};

static char *list_tags(const char *pattern)
{
    struct strv tags CLEANUP_STRV = {0};
    glob_t found;
    if (glob(pattern, 0, NULL, &found) != 0)
        return xstrdup("none");
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char *tag CLEANUP_FREE = file_read(found.gl_pathv[i], FILE_LIMIT, NULL, NULL);
        if (tag)
            strv_pushf(&tags, "\"%.*s\"", (int)strcspn(tag, "\n"), tag);
    }
    globfree(&found);
    return strv_join(&tags, ", ");
}

char *sharetags_describe(const char *fstype)
{
    glob_t found;
    for (size_t i = 0; i < ELEMENTS(sources); i++) {
        if (!streq(sources[i].fstype, fstype))
            continue;
        if (glob(sources[i].driver, 0, NULL, &found) != 0)
            return xstrdup("unknown (this kernel does not list them)");
        globfree(&found);
        return list_tags(sources[i].tags);
    }
    return NULL;
}
