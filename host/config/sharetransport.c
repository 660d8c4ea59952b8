/* SPDX-License-Identifier: MIT */
#include "host/config/sharetransport.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "host/config/release.h"
#include "host/config/share.h"
#include "host/config/shareserver.h"

/* True if our init mounts the shares; the system's own initrd does it as its release has it. */
static bool mounts_itself(const struct config *config)
{
    return streq(config_text(config, "runVm.initrd"), "builtin") &&
           config_bool(config, "virtualisation.directBoot.enable") &&
           !config_text(config, "virtualisation.directBoot.initrd");
}

/* True if virtiofs would make each start from a snapshot a cold one. */
static bool must_be_saved(const struct config *config)
{
    return config_bool(config, "runVm.warmStart") && mounts_itself(config);
}

const char *sharetransport_usual(const struct config *config)
{
    static const char option[] = "runVm.transport";

    if (!config_is_set(config, option) && must_be_saved(config))
        return "9p";
    return config_text(config, option);
}

/* An image needs the closure, which not every user can ask Nix for, and shows nothing that the host
 * builds later: it is for whoever leaves everything about the store's transport to run-vm. */
bool sharetransport_may_be_image(const struct config *config)
{
    const char *wanted = config_text(config, "runVm.storeTransport");

    return wanted && streq(wanted, "auto") && mounts_itself(config) && !must_be_saved(config) &&
           config_text(config, "system.build.storeClosure") &&
           !source_defines(&config->sources, "virtualisation.mountHostNixStore") &&
           !json_object_get(config_get(config, "runVm.shares"), SHARE_STORE);
}

bool sharetransport_is_image(const struct config *config)
{
    static const char image[] = "virtualisation.useNixStoreImage";

    return config_bool(config, image) && !config_is_set(config, image);
}

const char *sharetransport_of_store(const struct config *config, char **reason)
{
    const char *wanted = config_text(config, "runVm.storeTransport");
    const char *program = config_text(config, "runVm.virtiofsd");
    struct error e CLEANUP_ERROR = {0};

    if (!wanted)
        return sharetransport_usual(config);
    if (!streq(wanted, "auto"))
        return wanted;
    if (!mounts_itself(config)) {
        *reason =
            xasprintf("the system's own initrd mounts it as NixOS %s does", config->release->name);
        return config->release->transport;
    }
    if (must_be_saved(config)) {
        *reason = xstrdup("a machine with a share on virtiofs cannot start from a snapshot "
                          "(runVm.warmStart)");
        return "9p";
    }
    char *server CLEANUP_FREE = shareserver_find(program, config->is_root, &e);
    if (!server && !program) {
        *reason = xstrdup(e.message);
        return "9p";
    }
    /* where the user names a program that is not there, the plan reports it */
    *reason = xstrdup("faster than 9p, and there is a virtiofsd that serves this user");
    return "virtiofs";
}
