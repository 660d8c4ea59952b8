/* SPDX-License-Identifier: MIT */
/* The guest's parameters: how our init mounts the configuration's filesystems. */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/text.h"
#include "common/ninep.h"
#include "common/store.h"
#include "host/plan/planner.h"
#include "host/system/submounts.h"

/* The value of NAME=VALUE among the options, or NULL. Of several the kernel takes the last. */
static const char *last_value(const struct strv *options, const char *name)
{
    const char *value = NULL;

    for (size_t i = 0; i < options->count; i++) {
        const char *rest = startswith(options->items[i], name);

        if (rest && *rest == '=')
            value = rest + 1;
    }
    return value;
}

/* True if the option is one that init adds to a 9p mount by itself. */
static bool is_ninep_default(const char *option)
{
    return streq(option, "trans=" NINEP_TRANS) || streq(option, "version=" NINEP_VERSION) ||
           startswith(option, "msize=");
}

/* True if the filesystem has the 9p options that init adds by itself: it is a share as the
 * configuration makes them. */
static bool is_plain_9p(const struct planner *p, const struct filesystem *fs)
{
    char *msize CLEANUP_FREE =
        xasprintf("%" JSON_INTEGER_FORMAT, config_integer(p->config, "virtualisation.msize"));
    const struct {
        const char *name;
        const char *value;
    } defaults[] = {{"trans", NINEP_TRANS}, {"version", NINEP_VERSION}, {"msize", msize}};

    for (size_t i = 0; i < ELEMENTS(defaults); i++) {
        const char *value = last_value(&fs->options, defaults[i].name);

        if (!value || !streq(value, defaults[i].value))
            return false;
    }
    return true;
}

/* The options, separated by commas; `all` includes those that init adds to a 9p mount. The caller
 * frees; NULL: none. */
static char *format_options(const struct filesystem *fs, bool all)
{
    struct strv list CLEANUP_STRV = {0};

    all = all || !streq(fs->type, "9p");
    for (size_t i = 0; i < fs->options.count; i++) {
        const char *option = fs->options.items[i];

        if (streq(option, "x-nixos.autoresize"))
            strv_push(&list, "x-systemd.growfs");
        else if (!streq(option, "defaults") && (all || !is_ninep_default(option)))
            strv_push(&list, option);
    }
    if (fs->auto_format)
        strv_push(&list, "x-systemd.makefs");
    for (size_t i = 0; i < fs->depends.count; i++) {
        char *path CLEANUP_FREE = mount_escape(fs->depends.items[i]);

        strv_pushf(&list, "x-systemd.requires-mounts-for=%s", path);
    }
    return list.count ? strv_join(&list, ",") : NULL;
}

/* Names a device without the links that udev makes: /dev/disk/by-label/x is LABEL=x. The caller
 * frees. */
static char *device_spec(const char *device)
{
    static const struct {
        const char *prefix;
        const char *tag;
    } links[] = {
        {"/dev/disk/by-label/", "LABEL="},
        {"/dev/disk/by-uuid/", "UUID="},
        {"/dev/disk/by-partlabel/", "PARTLABEL="},
        {"/dev/disk/by-partuuid/", "PARTUUID="},
    };

    for (size_t i = 0; i < ELEMENTS(links); i++) {
        const char *name = startswith(device, links[i].prefix);

        if (name)
            return xasprintf("%s%s", links[i].tag, name);
    }
    return xstrdup(device);
}

/* True if the user's kernel parameters name another device as the root: theirs come last. */
static bool is_replaced(const struct planner *p, const char *device)
{
    char *given CLEANUP_FREE = p->given_root ? device_spec(p->given_root) : NULL;

    return given && !streq(given, device);
}

/* Returns the root's mount options. A blank disk has no label yet: init is told which disk is to
 * get it. The caller frees; NULL: none. */
static char *root_options(struct planner *p, const struct filesystem *fs, const char *device)
{
    char *options CLEANUP_FREE = format_options(fs, true);
    bool labelled = fs->auto_format && startswith(device, "LABEL=") && !is_replaced(p, device) &&
                    config_bool(p->config, "virtualisation.useDefaultFilesystems");
    char *disk CLEANUP_FREE = labelled ? planner_root_disk(p) : NULL;
    char *escaped CLEANUP_FREE = disk ? mount_escape(disk) : NULL;

    return disk ? xasprintf("%s," PLANNER_DISK_OPTION "=%s", options, escaped) : TAKE(options);
}

/* The type as a parameter has it; the caller frees. NULL: init probes. */
static char *known_type(const struct filesystem *fs)
{
    return streq(fs->type, "auto") ? NULL : xstrdup(fs->type);
}

static void set_root(struct planner *p, const struct filesystem *fs)
{
    struct guest_params *params = &p->params;

    if (!fs->device) {
        char *option CLEANUP_FREE = xasprintf("%s.\"/\".device", p->config->filesystems.option);

        config_problem(p->config, option, "is not set, expected the device of the root filesystem");
        return;
    }
    params->root = device_spec(fs->device);
    params->rootfstype = known_type(fs);
    params->rootflags = root_options(p, fs, params->root);
}

static void add_mount(struct planner *p, const struct filesystem *fs)
{
    struct mount_list *list = &p->params.mounts;
    const struct mount_spec spec = {
        .what = device_spec(fs->device ? fs->device : fs->type),
        .where = xstrdup(fs->where),
        .fstype = known_type(fs),
        .options = format_options(fs, true),
    };

    ARRAY_PUSH(list->items, list->count, spec);
}

/* Limit of the filesystems in one share that init enters. */
#define SUBMOUNTS_MAX 128

/* A share on virtiofs has the guest mount each filesystem inside it when its directory is first
 * entered. Until then that directory has the share's own device number, and often the inode number
 * of the directory above: find takes it for a loop, cp for a hard link. So init enters them. */
static void add_submounts(struct planner *p, const struct filesystem *fs)
{
    for (size_t i = 0; i < p->plan->server_count; i++) {
        const struct plan_server *server = &p->plan->servers[i];
        struct strv paths CLEANUP_STRV = {0};

        if (!server->announce || !streq(server->tag, fs->device))
            continue;
        if (!submounts_list(&paths, server->source, SUBMOUNTS_MAX))
            strv_pushf(&p->config->warnings,
                       "%s (share %s) has more than %d filesystems in it: the guest's tools may "
                       "take the others for their parent directory before they are entered. 9p has "
                       "no such limit (runVm.shares.%s.transport).",
                       server->source, server->tag, SUBMOUNTS_MAX, server->tag);
        for (size_t j = 0; j < paths.count; j++) {
            char *path CLEANUP_FREE = xasprintf("%s%s", fs->where, paths.items[j]);

            strv_take(&p->params.submounts, mount_escape(path));
        }
    }
}

static void add_share(struct planner *p, const struct filesystem *fs)
{
    struct share_list *list = &p->params.shares;
    bool virtiofs = streq(fs->type, "virtiofs");
    const struct share_spec spec = {
        .tag = xstrdup(fs->device),
        .where = xstrdup(fs->where),
        .transport = virtiofs ? SHARE_VIRTIOFS : SHARE_9P,
        .options = format_options(fs, false),
    };

    ARRAY_PUSH(list->items, list->count, spec);
    if (virtiofs)
        add_submounts(p, fs);
}

/* The msize that the user sets, in bytes; 0: none. */
static uint64_t msize_given(const struct planner *p)
{
    static const char option[] = "virtualisation.msize";
    json_int_t msize = config_integer(p->config, option);

    return msize != GUEST_SHARE_MSIZE || config_is_set(p->config, option) ? (uint64_t)msize : 0;
}

/* True if the options, without those of 9p that init adds, are exactly `expected`. */
static bool has_options(const struct filesystem *fs, const char *expected)
{
    char *options CLEANUP_FREE = format_options(fs, false);

    return streq(options ? options : "", expected);
}

/* Has init mount the store with the cache that the user chose, and otherwise as by itself. */
static void add_store_share(struct planner *p, const struct filesystem *fs)
{
    struct share_list *list = &p->params.shares;
    uint64_t msize = p->params.msize ? p->params.msize : GUEST_STORE_MSIZE;
    const struct share_spec spec = {
        .tag = xstrdup(fs->device),
        .where = xstrdup(fs->where),
        .transport = SHARE_9P,
        .options = xasprintf(STORE_OPTIONS ",msize=%" PRIu64 ",cache=%s", msize,
                             config_text(p->config, "virtualisation.nixStore9pCache")),
    };

    ARRAY_PUSH(list->items, list->count, spec);
}

/* True if the filesystem is the store as the configuration makes it, except for the cache. */
static bool is_store_share(const struct planner *p, const struct filesystem *fs)
{
    char *cache CLEANUP_FREE =
        xasprintf("cache=%s", config_text(p->config, "virtualisation.nixStore9pCache"));

    return streq(fs->type, "9p") && is_plain_9p(p, fs) && has_options(fs, cache);
}

/* Sets where the store comes from. Options that differ from those with which init mounts it are
 * given by a vm.mount= of the same directory, which takes precedence. */
static void set_store(struct planner *p, const struct filesystem *fs)
{
    bool own_image = !config_text(p->config, "system.build.storeImage"); /* which is erofs */
    const struct {
        const char *type;
        enum store_kind kind;
        const char *options; /* init's own */
        bool plain;
    } kinds[] = {
        {"9p", STORE_9P, STORE_OPTIONS_9P, is_plain_9p(p, fs)},
        {"virtiofs", STORE_VIRTIOFS, STORE_OPTIONS, true},
        {"erofs", STORE_EROFS, STORE_OPTIONS, true},
        {"auto", STORE_EROFS, STORE_OPTIONS, own_image},
        {fs->type, STORE_EROFS, "", false},
    };
    size_t i = 0;

    while (!streq(kinds[i].type, fs->type))
        i++;
    p->params.store.kind = kinds[i].kind;
    p->params.store.source = device_spec(fs->device ? fs->device : "");
    if (kinds[i].plain && has_options(fs, kinds[i].options))
        return;
    if (is_store_share(p, fs))
        add_store_share(p, fs);
    else
        add_mount(p, fs);
}

/* The store's writable layer. */
static enum store_overlay choose_overlay(const struct planner *p)
{
    if (!config_bool(p->config, "virtualisation.writableStore"))
        return streq(p->config->release->store_target, STORE_DIR) ? STORE_OVERLAY_NONE
                                                                  : STORE_OVERLAY_BIND;
    if (config_bool(p->config, "virtualisation.writableStoreUseTmpfs"))
        return STORE_OVERLAY_TMPFS;
    return STORE_OVERLAY_ROOT;
}

/* The name of the store's writable layer in the release, as enum store_upper. */
static unsigned int choose_upper(const struct planner *p)
{
    unsigned int name = STORE_UPPER_STORE;

    while (!streq(store_upper_names[name], p->config->release->store_upper))
        name++;
    return p->params.store_overlay == STORE_OVERLAY_TMPFS ||
                   p->params.store_overlay == STORE_OVERLAY_ROOT
               ? name
               : STORE_UPPER_STORE;
}

/* True if init mounts the store's writable layer as the filesystem says. */
static bool is_default_upper(const struct planner *p, const struct filesystem *fs)
{
    return streq(fs->where, STORE_UPPER_DIR) && streq(fs->type, "tmpfs") &&
           has_options(fs, STORE_OPTIONS_UPPER) && p->params.store_overlay == STORE_OVERLAY_TMPFS;
}

/* True if init binds the store to its own directory as the filesystem says. */
static bool is_default_bind(const struct planner *p, const struct filesystem *fs)
{
    return p->params.store_overlay == STORE_OVERLAY_BIND && streq(fs->where, STORE_DIR) &&
           fs->device && streq(fs->device, STORE_LOWER_DIR) && has_options(fs, STORE_OPTIONS_BIND);
}

/* True if vm.share= says all of the filesystem. */
static bool is_share(const struct planner *p, const struct filesystem *fs)
{
    if (!fs->device || !share_find(&p->config->shares, fs->device))
        return false;
    return streq(fs->type, "virtiofs") || (streq(fs->type, "9p") && is_plain_9p(p, fs));
}

/* Reports an overlay with layers outside the guest's root: our initrd contains nothing of use. */
static void check_layers(struct planner *p, const struct filesystem *fs)
{
    char *option CLEANUP_FREE = xasprintf("%s.\"%s\".overlay.useStage1BaseDirectories",
                                          p->config->filesystems.option, fs->where);

    if (fs->initrd_layers)
        config_problem(p->config, option,
                       "is false, expected true: run-vm's initrd has no directories to overlay, "
                       "only the system's own can have (runVm.initrd = \"system\")");
}

static void add_filesystem(struct planner *p, const struct filesystem *fs)
{
    bool apart = p->params.store_overlay != STORE_OVERLAY_NONE;

    check_layers(p, fs);
    if (streq(fs->where, "/"))
        set_root(p, fs);
    else if (streq(fs->where, apart ? STORE_LOWER_DIR : STORE_DIR))
        set_store(p, fs);
    else if (is_default_upper(p, fs) || is_default_bind(p, fs))
        return;
    else if (is_share(p, fs))
        add_share(p, fs);
    else
        add_mount(p, fs);
}

/* Reports that no filesystem is the root. */
static void report_no_root(struct planner *p)
{
    static const char machine[] = "virtualisation.fileSystems";
    const struct filesystems *filesystems = &p->config->filesystems;

    if (config_has_problem(p->config, machine) ||
        config_has_problem(p->config, filesystems->option))
        return;
    if (json_object_size(config_get(p->config, machine)))
        config_problem_of(p->config, "virtualisation.useDefaultFilesystems", filesystems->option,
                          "has no \"/\", expected a root filesystem: without "
                          "virtualisation.useDefaultFilesystems it must be given");
    else
        config_problem(p->config, machine,
                       "is an empty set, so that fileSystems counts, which %s, expected a root "
                       "filesystem \"/\" there",
                       filesystems->count ? "has no \"/\"" : "is empty too");
}

/* Makes the share of --root-dir the root. Programs that map files for writing, such as apt, need
 * cache=mmap; over a tmpfs they map the copy. */
static void set_root_directory(struct guest_params *params, bool writable)
{
    params->root = xstrdup(PLANNER_ROOT_TAG);
    params->rootfstype = xstrdup("9p");
    params->root_overlay = !writable;
    if (writable)
        params->rootflags = xstrdup("cache=mmap");
}

bool planner_overlays_root(const struct planner *p)
{
    return p->disk_image && !p->options->root_dir &&
           streq(config_text(p->config, "runVm.diskImageWrites"), "refuse");
}

void plan_guest_params(struct planner *p)
{
    struct guest_params *params = &p->params;
    const struct filesystems *filesystems = &p->config->filesystems;
    struct strv modules CLEANUP_STRV = config_texts(p->config, "boot.initrd.kernelModules");

    params->msize = msize_given(p);
    params->store_overlay = choose_overlay(p);
    params->store_upper = choose_upper(p);
    for (size_t i = 0; i < filesystems->count; i++) {
        const struct filesystem *fs = &filesystems->items[i];

        if (fs->needed_for_boot && !(p->options->root_dir && streq(fs->where, "/")))
            add_filesystem(p, fs);
    }
    planner_share_modules(p);
    if (p->options->root_dir)
        set_root_directory(params, p->options->root_writable);
    else if (!params->root)
        report_no_root(p);
    params->root_overlay |= planner_overlays_root(p);
    planner_configure_network(p);
    if (params->store.kind == STORE_NONE) { /* init's defaults, which are not encoded */
        params->store_overlay = STORE_OVERLAY_TMPFS;
        params->store_upper = STORE_UPPER_STORE;
    }
    strv_extend(&params->modules, &modules);
}
