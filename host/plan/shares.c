/* SPDX-License-Identifier: MIT */
/* Plans the shared directories. */
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/text.h"
#include "host/config/guestplace.h"
#include "host/config/share.h"
#include "host/plan/planner.h"
#include "host/system/path.h"

/* True if the share is the built-in one of the store, which the guest may not write to. */
static bool is_store(const struct planner *p, const struct share *share)
{
    return streq(share->tag, SHARE_STORE) &&
           config_bool(p->config, "virtualisation.mountHostNixStore");
}

static bool is_read_only(const struct planner *p, const struct share *share)
{
    return is_store(p, share) || !share->writable;
}

/* True if the owners and modes that the guest sets are only noted beside the files. */
static bool is_mapped(const struct share *share)
{
    return share->transport == SHARE_9P && startswith(share->security_model, "mapped");
}

/* Warns if the guest's root can make files of any owner on the host: it has the rights of the user
 * that serves the share. */
static void warn_of_root(struct planner *p, const struct share *share, const char *path)
{
    if (p->at->is_root && !is_read_only(p, share) && !is_mapped(share) &&
        !plan_is_temporary(p->plan, path))
        strv_pushf(&p->config->warnings,
                   "run-vm runs as root, and the guest may write to %s (share %s): its root can "
                   "make files of any owner and mode there. Run run-vm as an ordinary user.",
                   path, share->tag);
}

/* Warns if the guest deletes what is in the share. */
static void warn_of_place(struct planner *p, const struct share *share, const char *path)
{
    if (!is_read_only(p, share) && guestplace_of(share->target) == GUESTPLACE_EMPTIED)
        strv_pushf(&p->config->warnings,
                   "virtualisation.sharedDirectories.%s.target is %s, which a guest empties: it "
                   "can delete what is in %s. Share it elsewhere, or with writable = false.",
                   share->tag, share->target, path);
}

bool planner_uses_virtiofs(const struct planner *p)
{
    for (size_t i = 0; i < p->config->shares.count; i++)
        if (p->config->shares.items[i].transport == SHARE_VIRTIOFS)
            return true;
    return false;
}

/* Number of shares that are on the machine's own bus. */
#define SHARES_ON_MACHINE_BUS 12

void planner_add_own_share(struct planner *p, const char *tag, const char *path, bool read_only)
{
    /* the model "none" needs no privileges */
    model_add(&p->plan->machine, (struct model_item){.kind = MODEL_SHARE,
                                                     .share = {.tag = xstrdup(tag),
                                                               .path = xstrdup(path),
                                                               .read_only = read_only,
                                                               .security_model = xstrdup("none")}});
}

/* Takes the bus. */
static void add_9p(struct planner *p, size_t number, const struct share *share, const char *path,
                   struct model_bus bus)
{
    model_add(&p->plan->machine,
              (struct model_item){
                  .kind = MODEL_SHARE,
                  .share = {.tag = xstrdup(share->tag),
                            .path = xstrdup(path),
                            .read_only = is_read_only(p, share),
                            .bus = bus,
                            .id = bus.id ? xasprintf("run-vm-fs%zu", number) : NULL,
                            .security_model = xstrdup(share->security_model)},
              });
}

static void check_writable(struct planner *p, const struct share *share)
{
    char *option CLEANUP_FREE =
        xasprintf("virtualisation.sharedDirectories.%s.writable", share->tag);

    if (is_store(p, share) && share->writable)
        config_problem(p->config, option,
                       "is true, expected false: the guest may never write to the host's store "
                       "(virtualisation.writableStore gives it a writable layer)");
}

static void check_virtiofs(struct planner *p, const struct share *share)
{
    const char *model = share->security_model;

    if (!streq(model, "none") && !streq(model, p->config->release->security_model))
        strv_pushf(&p->config->warnings,
                   "virtualisation.sharedDirectories.%s.securityModel has no effect: the share is "
                   "on virtiofs, which keeps owners and modes itself.",
                   share->tag);
    if (strlen(share->tag) > 36)
        config_problem(p->config, "virtualisation.sharedDirectories",
                       "has the tag \"%s\", expected at most 36 bytes on virtiofs", share->tag);
}

/* Adds a share on virtiofs, whose server QEMU reaches through a socket in its directory. Takes the
 * bus. */
static void add_virtiofs(struct planner *p, const struct share *share, const char *path,
                         struct model_bus bus)
{
    struct plan *plan = p->plan;
    char *socket = xasprintf("share%zu.sock", plan->server_count);
    const struct plan_server server = {
        .program = planner_share_server(p),
        .tag = xstrdup(share->tag),
        .source = path_absolute(plan->cwd, path),
        .socket = planner_temporary(p, socket),
        .read_only = is_read_only(p, share),
        .announce = !is_store(p, share), /* overlayfs refuses them in a lower layer (EREMOTE) */
        .unchanging = is_store(p, share),
    };

    check_virtiofs(p, share);
    model_add(&plan->machine,
              (struct model_item){.kind = MODEL_SHARE,
                                  .share = {.tag = xstrdup(share->tag),
                                            .path = xstrdup(path),
                                            .read_only = is_read_only(p, share),
                                            .bus = bus,
                                            .id = xasprintf("run-vm-share%zu", plan->server_count),
                                            .socket = socket}});
    ARRAY_PUSH(plan->servers, plan->server_count, server);
}

static void add_share(struct planner *p, size_t number, const struct share *share)
{
    char *option CLEANUP_FREE = xasprintf("virtualisation.sharedDirectories.%s.source", share->tag);
    char *expanded CLEANUP_FREE = planner_expand_path(p, option, share->source);
    bool prefixed = is_store(p, share) && streq(share->source, "/nix/store");
    char *inside CLEANUP_FREE = prefixed ? planner_store_path(p, option, expanded) : NULL;
    const char *path = inside ? inside : expanded;
    struct model_bus bus = planner_bus("run-vm-bridge", SHARES_ON_MACHINE_BUS, number);

    planner_need(p, option, path, NEED_DIRECTORY);
    check_writable(p, share);
    warn_of_root(p, share, path);
    warn_of_place(p, share, path);
    if (share->transport == SHARE_VIRTIOFS)
        add_virtiofs(p, share, path, bus);
    else
        add_9p(p, number, share, path, bus);
}

void plan_shares(struct planner *p)
{
    for (size_t i = 0; i < p->config->shares.count; i++)
        add_share(p, i, &p->config->shares.items[i]);
}
