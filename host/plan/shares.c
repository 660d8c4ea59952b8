/* SPDX-License-Identifier: MIT */
/* Shared directories. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/config/value.h"
#include "host/plan/planner.h"
#include "host/system/path.h"
#include "host/system/process.h"

/* The built-in share of the store: where the host has it, and not writable by the guest. */
static bool is_store(const struct planner *p, const char *tag)
{
    return streq(tag, "nix-store") && !config_bool(p->config, "virtualisation.useNixStoreImage");
}

/* With security_model=none the guest's root makes files as the user that QEMU runs as. */
static bool is_temporary(const struct planner *p, const char *path)
{
    size_t length = strlen(p->plan->cwd);

    return !strncmp(path, p->plan->cwd, length) && (path[length] == '/' || !path[length]);
}

static void warn_of_root(struct planner *p, const char *tag, const char *path)
{
    if (p->at->is_root && !is_store(p, tag) && !is_temporary(p, path))
        strv_pushf(&p->config->warnings,
                   "run-vm runs as root, and the guest may write to %s (share %s): its root can "
                   "make files of any owner and mode there. Run run-vm as an ordinary user.",
                   path, tag);
}

static bool is_virtiofs(const struct planner *p, const char *tag)
{
    return share_find(&p->config->shares, tag)->transport == SHARE_VIRTIOFS;
}

bool planner_uses_virtiofs(const struct planner *p)
{
    json_t *shares = config_get(p->config, "virtualisation.sharedDirectories");
    const char *tag;
    json_t *share;

    json_object_foreach (shares, tag, share)
        if (is_virtiofs(p, tag))
            return true;
    return false;
}

/* As many shares go without a bridge. */
#define SHARES_ON_MACHINE_BUS 12

/* ",bus=NAME" for the share of this number, or ""; the caller frees. */
static char *bus_option(struct planner *p, size_t number)
{
    char *bus CLEANUP_FREE = planner_bus(p, "run-vm-bridge", SHARES_ON_MACHINE_BUS, number);

    return bus ? xasprintf(",bus=%s", bus) : xstrdup("");
}

/* Ends the options of an export. One export may span several filesystems (mounts, btrfs subvolumes,
 * ZFS datasets), whose files have equal inode numbers. QEMU would give them one identity, and a
 * guest that caches by identity reads one file's contents as another's: it is told to number them
 * anew. */
static const char *export_end(bool read_only)
{
    return read_only ? ",readonly=on,multidevs=remap" : ",multidevs=remap";
}

/* The configuration's, or for an export of our own the one that needs no rights. */
static const char *security_model(const struct planner *p, const char *tag)
{
    const json_t *shares = config_get(p->config, "virtualisation.sharedDirectories");
    const char *model =
        json_string_value(json_object_get(json_object_get(shares, tag), "securityModel"));

    return model ? model : "none";
}

void planner_add_virtfs(struct planner *p, const char *path, const char *tag, bool read_only)
{
    char *plain CLEANUP_FREE = path_double_commas(path);
    char *plain_tag CLEANUP_FREE = path_double_commas(tag);

    strv_push(&p->plan->argv, "-virtfs");
    strv_pushf(&p->plan->argv, "local,path=%s,security_model=%s,mount_tag=%s%s", plain,
               security_model(p, tag), plain_tag, export_end(read_only));
}

/* An export as two options: -virtfs cannot say which bus the device is on. */
static void add_fsdev(struct planner *p, size_t number, const char *tag, const char *path,
                      const char *bus)
{
    char *plain CLEANUP_FREE = path_double_commas(path);
    char *plain_tag CLEANUP_FREE = path_double_commas(tag);

    strv_push(&p->plan->argv, "-fsdev");
    strv_pushf(&p->plan->argv, "local,id=run-vm-fs%zu,path=%s,security_model=%s%s", number, plain,
               security_model(p, tag), export_end(is_store(p, tag)));
    strv_push(&p->plan->argv, "-device");
    strv_pushf(&p->plan->argv, "virtio-9p-pci,fsdev=run-vm-fs%zu,mount_tag=%s%s", number, plain_tag,
               bus);
}

static void add_9p(struct planner *p, size_t number, const char *tag, const char *path)
{
    char *bus CLEANUP_FREE = bus_option(p, number);

    if (*bus)
        add_fsdev(p, number, tag, path, bus);
    else
        planner_add_virtfs(p, path, tag, is_store(p, tag));
}

/* virtiofsd, which distributions do not put on PATH. QEMU's own of old cannot serve an overlay
 * without being root: it passes on an O_NOATIME that only a file's owner may ask for. */
static const struct {
    const char *path;
    bool needs_root;
} server_programs[] = {
    {"/usr/libexec/virtiofsd", false},
    {"virtiofsd", false},
    {"/usr/lib/qemu/virtiofsd", true},
};

/* The caller frees; NULL and the planner failed: there is none. */
static char *find_server(struct planner *p)
{
    for (size_t i = 0; i < ELEMENTS(server_programs); i++) {
        bool usable = p->at->is_root || !server_programs[i].needs_root;
        char *found = usable ? process_find(server_programs[i].path, NULL) : NULL;

        if (found)
            return found;
    }
    if (!p->failed) {
        p->failed = error_set(p->e, -ENOENT,
                              "virtiofsd: not found%s; Debian 13 has it in the package virtiofsd. "
                              "Or share by 9p (runVm.transport)",
                              p->at->is_root ? "" : " (QEMU 7's own serves root only)");
        (void)error_status(p->e, p->failed, STATUS_UNAVAILABLE);
    }
    return NULL;
}

/* A device whose other end is a program of its own, which QEMU reaches through a socket in its
 * directory. */
static void add_virtiofs(struct planner *p, size_t number, const char *tag, const char *path)
{
    struct plan *plan = p->plan;
    char *name CLEANUP_FREE = xasprintf("share%zu.sock", plan->server_count);
    char *plain_tag CLEANUP_FREE = path_double_commas(tag);
    char *bus CLEANUP_FREE = bus_option(p, number);

    if (!streq(security_model(p, tag), "none"))
        strv_pushf(&p->config->warnings,
                   "virtualisation.sharedDirectories.%s.securityModel has no effect: the share is "
                   "on virtiofs, which keeps owners and modes itself.",
                   tag);
    if (strlen(tag) > 36)
        config_problem(p->config, "virtualisation.sharedDirectories",
                       "has the tag \"%s\", expected at most 36 bytes on virtiofs", tag);
    strv_push(&plan->argv, "-chardev");
    strv_pushf(&plan->argv, "socket,id=run-vm-share%zu,path=%s", plan->server_count, name);
    strv_push(&plan->argv, "-device");
    strv_pushf(&plan->argv, "vhost-user-fs-pci,chardev=run-vm-share%zu,tag=%s%s",
               plan->server_count, plain_tag, bus);
    plan->servers = xreallocarray(plan->servers, plan->server_count + 1, sizeof *plan->servers);
    plan->servers[plan->server_count++] = (struct plan_server){
        .program = find_server(p),
        .tag = xstrdup(tag),
        .source = path_absolute(plan->cwd, path),
        .socket = planner_temporary(p, name),
        .read_only = is_store(p, tag),
        .announce = !is_store(p, tag), /* overlayfs refuses them in a lower layer (EREMOTE) */
    };
}

static void add_share(struct planner *p, size_t number, const char *tag, const char *source)
{
    char *option CLEANUP_FREE = xasprintf("virtualisation.sharedDirectories.%s.source", tag);
    char *expanded CLEANUP_FREE = planner_expand_path(p, option, source);
    bool prefixed = is_store(p, tag) && streq(source, "/nix/store");
    char *inside CLEANUP_FREE = prefixed ? planner_store_path(p, option, expanded) : NULL;
    char *path CLEANUP_FREE = xstrdup(inside ? inside : expanded);

    planner_need(p, option, path, NEED_DIRECTORY);
    warn_of_root(p, tag, path);
    if (is_virtiofs(p, tag))
        add_virtiofs(p, number, tag, path);
    else
        add_9p(p, number, tag, path);
}

void plan_shares(struct planner *p)
{
    json_t *shares = config_get(p->config, "virtualisation.sharedDirectories");
    size_t count;
    const char **tags CLEANUP_FREE = merge_sorted_keys(shares, &count);

    for (size_t i = 0; i < count; i++)
        add_share(p, i, tags[i],
                  json_string_value(json_object_get(json_object_get(shares, tags[i]), "source")));
}
