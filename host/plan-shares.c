/* SPDX-License-Identifier: MIT */
/* Shared directories. */
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "host/merge.h"
#include "host/paths.h"
#include "host/planner.h"

/* The built-in share of the store: where the host has it, and not writable by the guest. */
static bool is_store(const struct planner *p, const char *tag)
{
    return !strcmp(tag, "nix-store") && !config_bool(p->config, "virtualisation.useNixStoreImage");
}

/* With security_model=none the guest's root makes files as the user that QEMU runs as. */
static void warn_of_root(struct planner *p, const char *tag, const char *path)
{
    size_t length = strlen(p->plan->cwd);

    if (p->at->is_root && !is_store(p, tag) && strncmp(path, p->plan->cwd, length) != 0)
        strv_pushf(&p->config->warnings,
                   "run-vm runs as root, and the guest may write to %s (share %s): its root can "
                   "make files of any owner and mode there. Run run-vm as an ordinary user.",
                   path, tag);
}

static void add_share(struct planner *p, const char *tag, const char *source)
{
    char *option CLEANUP_FREE = xasprintf("virtualisation.sharedDirectories.%s.source", tag);
    char *expanded CLEANUP_FREE = planner_expand_path(p, option, source);
    bool prefixed = is_store(p, tag) && !strcmp(source, "/nix/store");
    char *path CLEANUP_FREE =
        prefixed ? xasprintf("%s%s", p->plan->store_prefix, expanded) : xstrdup(expanded);
    char *plain CLEANUP_FREE = path_double_commas(path);
    char *plain_tag CLEANUP_FREE = path_double_commas(tag);

    warn_of_root(p, tag, path);
    strv_push(&p->plan->argv, "-virtfs");
    strv_pushf(&p->plan->argv, "local,path=%s,security_model=none,mount_tag=%s%s", plain, plain_tag,
               is_store(p, tag) ? ",readonly=on" : "");
}

void plan_shares(struct planner *p)
{
    json_t *shares = config_get(p->config, "virtualisation.sharedDirectories");
    size_t count;
    const char **tags CLEANUP_FREE = merge_sorted_keys(shares, &count);

    for (size_t i = 0; i < count; i++)
        add_share(p, tags[i],
                  json_string_value(json_object_get(json_object_get(shares, tags[i]), "source")));
}
