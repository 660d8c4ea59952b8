/* SPDX-License-Identifier: MIT */
#include "init/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/alloc.h"
#include "common/strv.h"
#include "init/inroot.h"

/* overlayfs splits at commas and colons that no backslash precedes. */
static char *escape(const char *path)
{
    char *escaped = xcalloc(2 * strlen(path) + 1, 1);
    char *to = escaped;
    for (; *path; path++) {
        if (strchr(",:\\", *path))
            *to++ = '\\';
        *to++ = *path;
    }
    return escaped;
}

/* The real path of a layer, escaped; NULL with the reason. */
static char *find_layer(const struct plan_mount *mount, int root, const char *layer, bool make,
                        struct error *e)
{
    int at = mount->outside || strcmp(mount->where, "/") == 0 ? AT_FDCWD : root;
    int fd CLEANUP_CLOSE = make ? inroot_make_directory(at, layer, 0755)
                                : inroot_open(at, layer, O_PATH | O_DIRECTORY, 0);
    if (fd < 0) {
        (void)error_errno(e, -fd, "the layer %s", layer);
        return NULL;
    }
    char *path CLEANUP_FREE = inroot_path(fd);
    return escape(path);
}

static bool add_layer(struct strv *options, const char *name, const struct plan_mount *mount,
                      int root, const char *layer, struct error *e)
{
    if (!layer)
        return true;
    char *path CLEANUP_FREE = find_layer(mount, root, layer, true, e);
    if (path)
        strv_pushf(options, "%s=%s", name, path);
    return path != NULL;
}

char *overlay_data(const struct plan_mount *mount, int root, struct error *e)
{
    const struct plan_layers *layers = &mount->layers;
    struct strv lower CLEANUP_STRV = {0};
    struct strv options CLEANUP_STRV = {0};
    for (size_t i = 0; i < layers->lower.count; i++) {
        char *path = find_layer(mount, root, layers->lower.items[i], false, e);
        if (!path)
            return NULL;
        strv_take(&lower, path);
    }
    char *lowerdir CLEANUP_FREE = strv_join(&lower, ":");
    strv_pushf(&options, "lowerdir=%s", lowerdir);
    if (!add_layer(&options, "upperdir", mount, root, layers->upper, e) ||
        !add_layer(&options, "workdir", mount, root, layers->work, e))
        return NULL;
    if (*mount->options.data)
        strv_push(&options, mount->options.data);
    return strv_join(&options, ",");
}
