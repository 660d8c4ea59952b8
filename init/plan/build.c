/* SPDX-License-Identifier: MIT */
#include "init/plan/build.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/log.h"
#include "base/text.h"
#include "common/ninep.h"
#include "common/store.h"
#include "init/plan/devicespec.h"
#include "init/plan/mountorder.h"

/* Types that are built into every kernel that can start an initramfs. */
static const char *const builtin_types[] = {"tmpfs", "ramfs", "proc", "sysfs", "devtmpfs", "none"};

/* Sets *normal to `path` without "//", "/./" and "/" at the end, which the caller frees. Returns 0,
 * or -EINVAL for "..". */
static int normal_path(const char *path, char **normal, struct error *e)
{
    struct strv parts CLEANUP_STRV = {0};
    char *text = xcalloc(strlen(path) + 2, 1);
    char *end = text;
    strv_split(&parts, path, '/');
    for (size_t i = 0; i < parts.count; i++) {
        if (streq(parts.items[i], "..")) {
            free(text);
            return error_set(e, -EINVAL, "\"%s\": \"..\" is not allowed in a path", path);
        }
        if (*parts.items[i] && !streq(parts.items[i], "."))
            end = stpcpy(stpcpy(end, "/"), parts.items[i]);
    }
    if (end == text)
        *end = '/';
    *normal = text;
    return 0;
}

/* Decodes the escapes of overlayfs and fstab in the path of a layer, and normalizes it. */
static int parse_layer(char **layer, const char *text, struct error *e)
{
    char *plain CLEANUP_FREE = mount_unescape(text);
    char *to = plain;
    for (const char *from = plain; *from; from++) {
        if (*from == '\\' && from[1])
            from++;
        *to++ = *from;
    }
    *to = '\0';
    if (*plain != '/')
        return error_set(e, -EINVAL, "layer \"%s\" is not an absolute path", plain);
    char *normal = NULL;
    int r = normal_path(plain, &normal, e);
    if (r < 0)
        return r;
    free(*layer);
    *layer = normal;
    return 0;
}

static int add_layer(struct strv *layers, const char *text, struct error *e)
{
    char *layer = NULL;
    int r = parse_layer(&layer, text, e);
    if (r < 0)
        return r;
    strv_take(layers, layer);
    return 0;
}

/* Splits lowerdir= at colons without a backslash. */
static int add_layers(struct strv *layers, const char *text, struct error *e)
{
    const char *start = text;
    for (const char *c = text;; c++) {
        if (*c == '\\' && c[1]) {
            c++;
            continue;
        }
        if (*c != ':' && *c != '\0')
            continue;
        char *layer CLEANUP_FREE = xstrndup(start, (size_t)(c - start));
        int r = add_layer(layers, layer, e);
        if (r < 0 || *c == '\0')
            return r;
        start = c + 1;
    }
}

/* Takes upperdir= or workdir= from the options. */
static int read_layer(struct plan_mount *mount, const char *option, char **layer, struct error *e)
{
    char *value CLEANUP_FREE = mountoptions_take(&mount->options, option);
    return value ? parse_layer(layer, value, e) : 0;
}

static int read_layers(struct plan_mount *mount, struct error *e)
{
    struct plan_layers *layers = &mount->layers;
    char *lower CLEANUP_FREE = mountoptions_take(&mount->options, "lowerdir");
    if (!lower)
        return error_set(e, -EINVAL, "an overlay needs lowerdir=");
    int r = add_layers(&layers->lower, lower, e);
    if (r < 0)
        return r;
    r = read_layer(mount, "upperdir", &layers->upper, e);
    if (r < 0)
        return r;
    r = read_layer(mount, "workdir", &layers->work, e);
    if (r < 0)
        return r;
    if (!layers->upper != !layers->work)
        return error_set(e, -EINVAL, "an overlay needs both upperdir= and workdir=, or neither");
    return 0;
}

/* Determines the kind of the source, and checks what that kind needs. */
static int classify(struct plan_mount *mount, struct error *e)
{
    if (mount->options.flags & MS_BIND) {
        mount->source = PLAN_BIND;
        char *what = NULL;
        int r = *mount->what == '/'
                    ? normal_path(mount->what, &what, e)
                    : error_set(e, -EINVAL, "\"%s\" is not an absolute path to bind", mount->what);
        if (r < 0)
            return r;
        free(mount->what);
        mount->what = what;
        return 0;
    }
    if (mount->fstype && streq(mount->fstype, "overlay")) {
        mount->source = PLAN_OVERLAY;
        return read_layers(mount, e);
    }
    if (devicespec_is_device(mount->what)) {
        mount->source = PLAN_DEVICE;
        return 0;
    }
    if (!mount->fstype)
        return error_set(e, -EINVAL,
                         "\"%s\" is not a block device: say what filesystem type it has",
                         mount->what);
    return 0;
}

/* True if a blank disk may get the label that the mount names. */
static bool may_get_label(const struct plan_mount *mount)
{
    struct devicespec spec CLEANUP_DEVICESPEC = {0};
    return mount->options.makefs && devicespec_parse(mount->what, &spec, NULL) == 0 &&
           spec.key == DEVICESPEC_LABEL;
}

/* x-run-vm.disk= names the disk to format if no device has the label that the mount names. A user
 * who changes root= at a boot loader's prompt leaves it behind. */
static int check_disk(struct plan_mount *mount, struct error *e)
{
    struct devicespec spec CLEANUP_DEVICESPEC = {0};
    char *disk = mount->options.disk;
    if (!disk)
        return 0;
    if (!may_get_label(mount)) {
        log_warning("x-run-vm.disk=%s has no effect on %s: expected a device named by its label "
                    "(LABEL=) and x-systemd.makefs",
                    disk, mount->what);
        mount->options.disk = NULL;
        free(disk);
        return 0;
    }
    int r = devicespec_parse(disk, &spec, e);
    return r < 0 ? error_context(e, r, "x-run-vm.disk") : 0;
}

/* A mount in the words of a parameter. */
struct request {
    const char *parameter; /* for messages */
    const char *what;
    const char *where;
    const char *fstype;
    const char *options;
};

static const char *known_type(const char *fstype)
{
    return fstype && *fstype && !streq(fstype, "auto") ? fstype : NULL;
}

/* Normalizes the paths of x-systemd.requires-mounts-for. */
static int check_required(struct strv *paths, struct error *e)
{
    for (size_t i = 0; i < paths->count; i++) {
        char *normal = NULL;
        int r = normal_path(paths->items[i], &normal, e);
        if (r < 0)
            return error_context(e, r, "x-systemd.requires-mounts-for");
        free(paths->items[i]);
        paths->items[i] = normal;
    }
    return 0;
}

static int fill_mount(struct plan_mount *mount, const struct request *request, struct error *e)
{
    int r = normal_path(request->where, &mount->where, e);
    if (r < 0)
        return r;
    r = mountoptions_parse(&mount->options, request->options, e);
    if (r == 0)
        r = check_required(&mount->options.requires, e);
    if (r == 0)
        r = classify(mount, e);
    return r < 0 ? r : check_disk(mount, e);
}

static int add_mount(struct boot_plan *plan, const struct request *request, bool outside,
                     struct error *e)
{
    const struct plan_mount added = {
        .what = xstrdup(request->what),
        .fstype = xstrdup(known_type(request->fstype)),
        .outside = outside,
    };
    ARRAY_PUSH(plan->mounts, plan->count, added);
    int r = fill_mount(&plan->mounts[plan->count - 1], request, e);
    if (r < 0)
        (void)error_context(e, r, "%s (%s on %s)", request->parameter, request->what,
                            request->where);
    return r;
}

/* Returns "DEFAULTS,GIVEN"; the caller frees. */
static char *join_options(const char *defaults, const char *given)
{
    bool both = defaults && *defaults && given && *given;
    return xasprintf("%s%s%s", defaults ? defaults : "", both ? "," : "", given ? given : "");
}

/* Puts our options of 9p before `given`, except those that `given` has. `msize` applies unless
 * vm.msize= sets one for all mounts. The caller frees. */
static char *options_9p(const struct guest_params *params, uint64_t msize, const char *given)
{
    const struct {
        const char *name;
        char *text;
    } defaults[] = {
        {"trans", xstrdup("trans=" NINEP_TRANS)},
        {"version", xstrdup("version=" NINEP_VERSION)},
        {"msize", xasprintf("msize=%" PRIu64, params->msize ? params->msize : msize)},
    };
    struct strv list CLEANUP_STRV = {0};
    for (size_t i = 0; i < ELEMENTS(defaults); i++) {
        char *value CLEANUP_FREE = given ? mount_option(given, defaults[i].name) : NULL;
        if (value)
            free(defaults[i].text);
        else
            strv_take(&list, defaults[i].text);
    }
    char *ours CLEANUP_FREE = strv_join(&list, ",");
    return join_options(ours, given);
}

static int add_shares(struct boot_plan *plan, const struct guest_params *params, struct error *e)
{
    for (size_t i = 0; i < params->shares.count; i++) {
        const struct share_spec *share = &params->shares.items[i];
        bool virtiofs = share->transport == SHARE_VIRTIOFS;
        char *options CLEANUP_FREE = virtiofs
                                         ? xstrdup(share->options)
                                         : options_9p(params, GUEST_SHARE_MSIZE, share->options);
        const struct request request = {"vm.share", share->tag, share->where,
                                        virtiofs ? "virtiofs" : "9p", options};
        int r = add_mount(plan, &request, false, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Adds the mounts of vm.mount=, with their options unchanged, for 9p too. */
static int add_extra_mounts(struct boot_plan *plan, const struct guest_params *params,
                            struct error *e)
{
    for (size_t i = 0; i < params->mounts.count; i++) {
        const struct mount_spec *spec = &params->mounts.items[i];
        const struct request request = {"vm.mount", spec->what, spec->where, spec->fstype,
                                        spec->options};
        int r = add_mount(plan, &request, false, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Adds a mount of the store, unless a parameter has one for the same mount point. */
static int add_store_mount(struct boot_plan *plan, const char *what, const char *where,
                           const char *fstype, const char *options, struct error *e)
{
    const struct request request = {"vm.store", what, where, fstype, options};
    return boot_plan_find(plan, where) ? 0 : add_mount(plan, &request, false, e);
}

static int add_store_source(struct boot_plan *plan, const struct guest_params *params,
                            const char *where, struct error *e)
{
    static const struct {
        const char *fstype;
        const char *options;
    } kinds[] = {
        [STORE_9P] = {"9p", STORE_OPTIONS "," STORE_OPTIONS_9P},
        [STORE_VIRTIOFS] = {"virtiofs", STORE_OPTIONS},
        [STORE_EROFS] = {"erofs", STORE_OPTIONS},
    };
    const struct store_spec *store = &params->store;
    const char *given = kinds[store->kind].options;
    char *options CLEANUP_FREE =
        store->kind == STORE_9P ? options_9p(params, GUEST_STORE_MSIZE, given) : xstrdup(given);
    return add_store_mount(plan, store->source, where, kinds[store->kind].fstype, options, e);
}

/* The lower layer may change between two boots, so that the upper one must not store anything about
 * it: switches off all features that do, whatever the kernel's defaults are. */
static int add_store_overlay(struct boot_plan *plan, const struct guest_params *params,
                             struct error *e)
{
    unsigned int other =
        params->store_upper == STORE_UPPER_STORE ? STORE_UPPER_UPPER : STORE_UPPER_STORE;
    char *options CLEANUP_FREE = xasprintf("lowerdir=" STORE_LOWER_DIR ",upperdir=" STORE_UPPER_DIR
                                           "/%s,workdir=" STORE_UPPER_DIR
                                           "/work,index=off,redirect_dir=off,metacopy=off,xino=off",
                                           store_upper_names[params->store_upper]);
    if (boot_plan_find(plan, STORE_DIR))
        return 0;
    int r = add_store_mount(plan, "overlay", STORE_DIR, "overlay", options, e);
    if (r == 0)
        plan->mounts[plan->count - 1].layers.former =
            xasprintf(STORE_UPPER_DIR "/%s", store_upper_names[other]);
    return r;
}

static int add_store(struct boot_plan *plan, const struct guest_params *params, struct error *e)
{
    if (params->store.kind == STORE_NONE)
        return 0;
    if (params->store_overlay == STORE_OVERLAY_NONE)
        return add_store_source(plan, params, STORE_DIR, e);
    int r = add_store_source(plan, params, STORE_LOWER_DIR, e);
    if (r < 0)
        return r;
    if (params->store_overlay == STORE_OVERLAY_BIND)
        return add_store_mount(plan, STORE_LOWER_DIR, STORE_DIR, NULL, STORE_OPTIONS_BIND, e);
    if (params->store_overlay == STORE_OVERLAY_TMPFS)
        r = add_store_mount(plan, "tmpfs", STORE_UPPER_DIR, "tmpfs", STORE_OPTIONS_UPPER, e);
    if (r < 0)
        return r;
    return add_store_overlay(plan, params, e);
}

/* Returns the type of the root: rootfstype=, or by the form of root=. NULL: found by probing. */
static const char *root_type(const struct guest_params *params)
{
    const char *given = known_type(params->rootfstype);
    if (given || devicespec_is_device(params->root))
        return given;
    return streq(params->root, "tmpfs") ? "tmpfs" : "9p";
}

/* Options that an equal one in rootflags= replaces. sshd refuses the keys of a root whose mode is a
 * tmpfs's usual 1777. A share that is the lower layer can be cached: this guest writes nothing to
 * it. */
static const char *default_root_options(const struct guest_params *params, const char *fstype)
{
    if (fstype && streq(fstype, "tmpfs"))
        return "mode=755";
    return fstype && streq(fstype, "9p") && params->root_overlay ? "cache=loose" : NULL;
}

static char *root_options(const struct guest_params *params, const char *fstype)
{
    char *given CLEANUP_FREE =
        join_options(default_root_options(params, fstype), params->rootflags);
    char *options CLEANUP_FREE = fstype && streq(fstype, "9p")
                                     ? options_9p(params, GUEST_STORE_MSIZE, given)
                                     : xstrdup(given);
    return join_options(options, params->read_only || params->root_overlay ? "ro" : NULL);
}

static int add_plain_root(struct boot_plan *plan, const struct guest_params *params,
                          struct error *e)
{
    bool lower = params->root_overlay;
    const char *fstype = root_type(params);
    char *options CLEANUP_FREE = root_options(params, fstype);
    const struct request request = {"root", params->root, lower ? PLAN_ROOT_LOWER : "/", fstype,
                                    options};
    return add_mount(plan, &request, lower, e);
}

static int add_root_overlay(struct boot_plan *plan, const struct guest_params *params,
                            struct error *e)
{
    static const char layers[] = "lowerdir=" PLAN_ROOT_LOWER ",upperdir=" PLAN_ROOT_UPPER
                                 "/upper,workdir=" PLAN_ROOT_UPPER "/work";
    static const struct request upper = {"vm.root.overlay", "tmpfs", PLAN_ROOT_UPPER, "tmpfs",
                                         "mode=0755"};
    char *options CLEANUP_FREE = join_options(layers, params->read_only ? "ro" : NULL);
    const struct request overlay = {"vm.root.overlay", "overlay", "/", "overlay", options};
    int r = add_mount(plan, &upper, true, e);
    return r < 0 ? r : add_mount(plan, &overlay, false, e);
}

static int add_root(struct boot_plan *plan, const struct guest_params *params, struct error *e)
{
    if (!params->root)
        return error_set(e, -EINVAL,
                         "root= is missing: name the root on the kernel command line "
                         "(a device, tmpfs, or the tag of a share)");
    int r = add_plain_root(plan, params, e);
    if (r < 0 || !params->root_overlay)
        return r;
    return add_root_overlay(plan, params, e);
}

static void collect_filesystems(struct boot_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        const char *type = plan->mounts[i].fstype;
        bool builtin = !type || plan->mounts[i].source == PLAN_BIND;
        for (size_t j = 0; j < ELEMENTS(builtin_types) && !builtin; j++)
            builtin = streq(type, builtin_types[j]);
        if (!builtin && !strv_contains(&plan->filesystems, type))
            strv_push(&plan->filesystems, type);
    }
}

int build_boot_plan(struct boot_plan *plan, const struct guest_params *params, struct error *e)
{
    static int (*const steps[])(struct boot_plan * plan, const struct guest_params *params,
                                struct error *e) = {
        add_root,
        add_extra_mounts,
        add_shares,
        add_store,
    };
    *plan = (struct boot_plan){0};
    strv_extend(&plan->modules, &params->modules);
    for (size_t i = 0; i < ELEMENTS(steps); i++) {
        int r = steps[i](plan, params, e);
        if (r < 0)
            return r;
    }
    int r = mountorder_sort(plan->mounts, plan->count, e);
    if (r < 0)
        return r;
    collect_filesystems(plan);
    return 0;
}
