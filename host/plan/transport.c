/* SPDX-License-Identifier: MIT */
/* Checks the transports of the shares, and finds the server of virtiofs. */
#include <errno.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/config/share.h"
#include "host/config/shareserver.h"
#include "host/config/value.h"
#include "host/plan/planner.h"

static const char transport_option[] = "runVm.transport";
static const char store_option[] = "runVm.storeTransport";

/* Fails with an error that `context` begins. The caller frees. */
static char *find_server(struct planner *p, const char *context)
{
    const char *given = config_text(p->config, "runVm.virtiofsd");
    char *found = shareserver_find(given, p->at->is_root, p->failed ? NULL : p->e);

    if (!found && !p->failed)
        p->failed = error_context(p->e, -ENOENT, "%s", context);
    return found;
}

char *planner_share_server(struct planner *p)
{
    return find_server(p, "shares on virtiofs");
}

/* The option that sets a share's transport, which the caller frees; NULL: none does. */
static char *deciding_option(const struct planner *p, const struct share *share)
{
    const json_t *settings = json_object_get(config_get(p->config, "runVm.shares"), share->tag);

    if (value_text(settings, "transport"))
        return xasprintf("runVm.shares.%s.transport", share->tag);
    if (streq(share->tag, SHARE_STORE) && config_text(p->config, store_option))
        return xstrdup(store_option);
    return config_is_set(p->config, transport_option) ? xstrdup(transport_option) : NULL;
}

/* True if the shares are mounted by the system's own initrd and fstab, which name the transport of
 * its release. */
static bool mounts_as_release(const struct planner *p)
{
    return !planner_has_own_init(p) && !planner_boots_foreign(p);
}

/* Reports a share that the system's own initrd would look for on another transport. */
static void check_foreign(struct planner *p, const struct share *share)
{
    const struct release *release = p->config->release;
    const char *transport = share_transport_name(share->transport);
    char *option CLEANUP_FREE = deciding_option(p, share);

    if (streq(transport, release->transport))
        return;
    if (option)
        config_problem(p->config, option,
                       "is \"%s\", expected \"%s\": the system's own initrd, which %s asks for, "
                       "mounts shares as the release %s does (runVm.release)",
                       transport, release->transport,
                       p->dialect->own_init ? "virtualisation.useBootLoader"
                                            : "runVm.initrd = \"system\"",
                       release->name);
    else
        free(find_server(p, "the system's own initrd mounts shares by virtiofs"));
}

/* Notes that shares are on 9p, though the release has them on virtiofs. A program that the user
 * names must be there. */
static void note_fallback(struct planner *p)
{
    const char *given = config_text(p->config, "runVm.virtiofsd");
    struct error e CLEANUP_ERROR = {0};

    if (given) {
        free(planner_share_server(p));
        return;
    }
    char *found CLEANUP_FREE = shareserver_find(NULL, p->at->is_root, &e);

    if (found)
        return;
    strv_pushf(&p->config->warnings,
               "shares are on 9p, not on virtiofs as in NixOS %s: %s. "
               "runVm.transport = \"9p\" accepts this.",
               p->config->release->name, e.message);
}

void plan_transport(struct planner *p)
{
    const struct shares *shares = &p->config->shares;
    bool as_release = mounts_as_release(p);
    bool fell_back = false;

    for (size_t i = 0; i < shares->count; i++) {
        const struct share *share = &shares->items[i];
        char *option CLEANUP_FREE = deciding_option(p, share);

        if (as_release)
            check_foreign(p, share);
        else if (!option &&
                 !streq(share_transport_name(share->transport), p->config->release->transport))
            fell_back = true;
    }
    if (fell_back && !config_bool(p->config, "runVm.warmStart"))
        note_fallback(p);
}
