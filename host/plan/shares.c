/* SPDX-License-Identifier: MIT */
/* Plans the shared directories. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/text.h"
#include "host/config/share.h"
#include "host/plan/planner.h"
#include "host/system/path.h"
#include "host/system/process.h"

/* True if the share is the built-in one of the store, which the guest may not write to. */
static bool is_store(const struct planner *p, const struct share *share)
{
    return streq(share->tag, SHARE_STORE) &&
           !config_bool(p->config, "virtualisation.useNixStoreImage");
}

/* Warns if the guest's root can make files of any owner on the host: with the security model
 * "none" it has the rights of the user that QEMU runs as. */
static void warn_of_root(struct planner *p, const struct share *share, const char *path)
{
    if (p->at->is_root && !is_store(p, share) && !plan_is_temporary(p->plan, path))
        strv_pushf(&p->config->warnings,
                   "run-vm runs as root, and the guest may write to %s (share %s): its root can "
                   "make files of any owner and mode there. Run run-vm as an ordinary user.",
                   path, share->tag);
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

void planner_add_own_share(struct planner *p, const char *tag, const char *path)
{
    /* the model "none" needs no privileges */
    model_add(&p->plan->machine, (struct model_item){.kind = MODEL_SHARE,
                                                     .share = {.tag = xstrdup(tag),
                                                               .path = xstrdup(path),
                                                               .read_only = true,
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
                            .read_only = is_store(p, share),
                            .bus = bus,
                            .id = bus.id ? xasprintf("run-vm-fs%zu", number) : NULL,
                            .security_model = xstrdup(share->security_model)},
              });
}

/* Locations of virtiofsd, which distributions do not put on PATH. The one of old QEMU versions
 * cannot serve an overlay unless it is root: it passes on O_NOATIME, which only a file's owner may
 * use. */
static const struct {
    const char *path;
    bool needs_root;
} server_programs[] = {
    {"/usr/libexec/virtiofsd", false},
    {"virtiofsd", false},
    {"/usr/lib/qemu/virtiofsd", true},
};

/* Finds virtiofsd. The caller frees; NULL: there is none, and the planner has failed. */
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

static void check_virtiofs(struct planner *p, const struct share *share)
{
    if (!streq(share->security_model, "none"))
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
        .program = find_server(p),
        .tag = xstrdup(share->tag),
        .source = path_absolute(plan->cwd, path),
        .socket = planner_temporary(p, socket),
        .read_only = is_store(p, share),
        .announce = !is_store(p, share), /* overlayfs refuses them in a lower layer (EREMOTE) */
    };

    check_virtiofs(p, share);
    model_add(&plan->machine,
              (struct model_item){.kind = MODEL_SHARE,
                                  .share = {.tag = xstrdup(share->tag),
                                            .path = xstrdup(path),
                                            .read_only = is_store(p, share),
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
    warn_of_root(p, share, path);
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
