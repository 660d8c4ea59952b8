/* SPDX-License-Identifier: MIT */
/* What our initrd does: the guest's parameters out of its file systems, and the modules for them.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/text.h"
#include "host/config/value.h"
#include "host/plan/planner.h"
#include "host/system/path.h"
#include "host/system/submounts.h"

/* A file system of the configuration. */
struct fs {
    const char *where;
    const char *device; /* NULL: none */
    const char *type;
    const json_t *options;
    const json_t *entry;
};

static bool fs_flag(const struct fs *fs, const char *name)
{
    return json_is_true(json_object_get(fs->entry, name));
}

static struct fs fs_read(const json_t *entry)
{
    const char *type = json_string_value(json_object_get(entry, "fsType"));

    return (struct fs){
        .where = json_string_value(json_object_get(entry, "mountPoint")),
        .device = json_string_value(json_object_get(entry, "device")),
        .type = type ? type : "auto",
        .options = json_object_get(entry, "options"),
        .entry = entry,
    };
}

/* Stage 2 cannot start without these (utils.pathsNeededForBoot of NixOS), or they say so. */
bool planner_needs_mount(const json_t *entry)
{
    static const char *const always[] = {"/",        "/nix",     "/nix/store",     "/var",
                                         "/var/log", "/var/lib", "/var/lib/nixos", "/etc",
                                         "/usr"};

    const char *where = json_string_value(json_object_get(entry, "mountPoint"));

    for (size_t i = 0; where && i < ELEMENTS(always); i++)
        if (streq(always[i], where))
            return true;
    return where && json_is_true(json_object_get(entry, "neededForBoot"));
}

/* Options that say nothing to us, or that are said otherwise. */
static bool is_implied(const struct fs *fs, const char *option)
{
    static const char *const ninep[] = {"trans=virtio", "version=9p2000.L"};

    if (streq(option, "defaults"))
        return true;
    if (!streq(fs->type, "9p"))
        return false;
    for (size_t i = 0; i < ELEMENTS(ninep); i++)
        if (streq(ninep[i], option))
            return true;
    return !strncmp(option, "msize=", 6);
}

/* The mount options; with `all` also those that are the default of a share. The caller frees; NULL:
 * none. */
static char *fs_options(const struct fs *fs, bool all)
{
    struct strv list CLEANUP_STRV = {0};
    json_t *option;
    size_t i;

    json_array_foreach (fs->options, i, option) {
        const char *text = json_string_value(option);

        if (streq(text, "x-nixos.autoresize"))
            strv_push(&list, "x-systemd.growfs");
        else if (!streq(text, "defaults") && (all || !is_implied(fs, text)))
            strv_push(&list, text);
    }
    if (fs_flag(fs, "autoFormat"))
        strv_push(&list, "x-systemd.makefs");
    return list.count ? strv_join(&list, ",") : NULL;
}

/* /dev/disk/by-label/x is LABEL=x where no udev makes links; the caller frees. */
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
        size_t length = strlen(links[i].prefix);

        if (!strncmp(device, links[i].prefix, length))
            return xasprintf("%s%s", links[i].tag, device + length);
    }
    return xstrdup(device);
}

static void set_root(struct planner *p, struct guest_params *params, const struct fs *fs)
{
    if (!fs->device) {
        config_problem(p->config, "virtualisation.fileSystems.\"/\".device",
                       "is not set, expected the device of the root file system");
        return;
    }
    params->root = device_spec(fs->device);
    params->rootfstype = !streq(fs->type, "auto") ? xstrdup(fs->type) : NULL;
    params->rootflags = fs_options(fs, true);
}

static void add_mount(struct guest_params *params, const struct fs *fs)
{
    struct mount_list *list = &params->mounts;

    const struct mount_spec spec = {
        .what = device_spec(fs->device ? fs->device : fs->type),
        .where = xstrdup(fs->where),
        .fstype = !streq(fs->type, "auto") ? xstrdup(fs->type) : NULL,
        .options = fs_options(fs, true),
    };
    ARRAY_PUSH(list->items, list->count, spec);
}

/* More filesystems in one share than this are entered when the guest first does. */
#define SUBMOUNTS_MAX 128

/* A share on virtiofs has the guest mount each filesystem inside it when its directory is first
 * entered. Until then that directory has the share's own device number, and often the inode number
 * of the directory above: find takes it for a loop, cp for a hard link. So init enters them. */
static void add_submounts(struct planner *p, struct guest_params *params, const struct fs *fs)
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

            strv_take(&params->submounts, mount_escape(path));
        }
    }
}

static void add_share(struct planner *p, struct guest_params *params, const struct fs *fs)
{
    struct share_list *list = &params->shares;

    const struct share_spec spec = {
        .tag = xstrdup(fs->device),
        .where = xstrdup(fs->where),
        .transport = !streq(fs->type, "9p") ? SHARE_VIRTIOFS : SHARE_9P,
        .options = fs_options(fs, false),
    };
    ARRAY_PUSH(list->items, list->count, spec);
    if (streq(fs->type, "virtiofs"))
        add_submounts(p, params, fs);
}

/* What the user says that msize is; 0: nothing. */
static uint64_t msize_given(const struct planner *p)
{
    static const char option[] = "virtualisation.msize";
    json_int_t msize = config_integer(p->config, option);

    return msize != GUEST_SHARE_MSIZE || config_is_set(p->config, option) ? (uint64_t)msize : 0;
}

/* Whether its 9p options are those that every share has. */
static bool is_plain_share(const struct planner *p, const struct fs *fs)
{
    char *msize CLEANUP_FREE =
        xasprintf("msize=%" JSON_INTEGER_FORMAT, config_integer(p->config, "virtualisation.msize"));
    size_t known = 0;
    json_t *option;
    size_t i;

    json_array_foreach (fs->options, i, option) {
        const char *text = json_string_value(option);

        if (streq(text, msize) || streq(text, "trans=virtio") || streq(text, "version=9p2000.L"))
            known++;
    }
    return known == 3;
}

/* Whether these are exactly the options in `expected`, separated by commas. */
static bool has_options(const struct fs *fs, const char *expected)
{
    char *options CLEANUP_FREE = fs_options(fs, false);

    return streq(options ? options : "", expected);
}

/* Where the store comes from. init mounts it with its own options; others are said by a mount of
 * its own, which takes precedence. */
static void set_store(struct planner *p, struct guest_params *params, const struct fs *fs)
{
    bool image = !config_text(p->config, "system.build.storeImage");
    const struct {
        const char *type;
        enum store_kind kind;
        const char *options; /* init's own */
        bool plain;
    } kinds[] = {
        {"9p", STORE_9P, "cache=loose", is_plain_share(p, fs)},
        {"virtiofs", STORE_VIRTIOFS, "ro", true},
        {"erofs", STORE_EROFS, "ro", true},
        {"auto", STORE_EROFS, "ro", image}, /* an image of ours is erofs */
        {fs->type, STORE_EROFS, "", false},
    };
    size_t i = 0;

    while (!streq(kinds[i].type, fs->type))
        i++;
    params->store.kind = kinds[i].kind;
    params->store.source = device_spec(fs->device ? fs->device : "");
    if (!kinds[i].plain || !has_options(fs, kinds[i].options))
        add_mount(params, fs);
}

/* The layer that is written to. */
static void set_overlay(struct planner *p, struct guest_params *params)
{
    if (!config_bool(p->config, "virtualisation.writableStore"))
        params->store_overlay = STORE_OVERLAY_NONE;
    else if (config_bool(p->config, "virtualisation.writableStoreUseTmpfs"))
        params->store_overlay = STORE_OVERLAY_TMPFS;
    else
        params->store_overlay = STORE_OVERLAY_ROOT;
}

static bool is_share(const struct planner *p, const struct fs *fs)
{
    const json_t *shares = config_get(p->config, "virtualisation.sharedDirectories");

    if (!fs->device || !json_object_get(shares, fs->device))
        return false;
    return streq(fs->type, "virtiofs") || (streq(fs->type, "9p") && is_plain_share(p, fs));
}

static void add_file_system(struct planner *p, struct guest_params *params, const struct fs *fs)
{
    bool writable = config_bool(p->config, "virtualisation.writableStore");

    if (streq(fs->where, "/"))
        set_root(p, params, fs);
    else if (streq(fs->where, writable ? "/nix/.ro-store" : "/nix/store"))
        set_store(p, params, fs);
    else if (streq(fs->where, "/nix/.rw-store") && has_options(fs, "mode=0755") &&
             streq(fs->type, "tmpfs") && params->store_overlay == STORE_OVERLAY_TMPFS)
        return; /* init's own default */
    else if (is_share(p, fs))
        add_share(p, params, fs);
    else
        add_mount(params, fs);
}

/* A directory as the root. */
static void set_root_directory(struct guest_params *params)
{
    params->root = xstrdup(PLANNER_ROOT_TAG);
    params->rootfstype = xstrdup("9p");
    params->root_overlay = true;
}

void plan_guest_params(struct planner *p)
{
    struct guest_params *params = &p->params;
    json_t *systems = config_get(p->config, "virtualisation.fileSystems");
    size_t count;
    const char **names CLEANUP_FREE = merge_sorted_keys(systems, &count);
    json_t *module;
    size_t i;

    params->msize = msize_given(p);
    set_overlay(p, params);
    for (i = 0; i < count; i++) {
        const json_t *entry = json_object_get(systems, names[i]);
        struct fs fs = fs_read(entry);

        if (!planner_needs_mount(entry) || (p->options->root_dir && streq(fs.where, "/")))
            continue;
        add_file_system(p, params, &fs);
    }
    planner_share_modules(p);
    if (p->options->root_dir)
        set_root_directory(params);
    else if (!params->root && !config_has_problem(p->config, "virtualisation.fileSystems"))
        config_problem_of(p->config, "virtualisation.useDefaultFilesystems",
                          "virtualisation.fileSystems",
                          "has no \"/\", expected a root file system: without "
                          "virtualisation.useDefaultFilesystems it must be given");
    if (params->store.kind == STORE_NONE)
        params->store_overlay = STORE_OVERLAY_TMPFS; /* init's default: nothing to be said */
    json_array_foreach (config_get(p->config, "boot.initrd.kernelModules"), i, module)
        strv_push(&params->modules, json_string_value(module));
}
