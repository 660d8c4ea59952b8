/* SPDX-License-Identifier: MIT */
#include "host/run/treeowner.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "host/plan/planoptions.h"
#include "host/system/path.h"
#include "host/system/process.h"
#include "host/system/subids.h"

/* The user's own numbers, and those that the host has set aside for the user. */
struct numbers {
    unsigned int user, group;
    struct subids users, groups;
};

/* True if the file belongs to somebody among the numbers set aside. */
static bool is_of_sub_id(const struct numbers *own, const char *tree, const char *name)
{
    char *path CLEANUP_FREE = xasprintf("%s%s", tree, name);
    struct stat st;

    return lstat(path, &st) == 0 &&
           (subids_contain(&own->users, st.st_uid) || subids_contain(&own->groups, st.st_gid));
}

/* True if the tree has files of several owners: those that belong to a group in every
 * distribution, or to a user. */
static bool has_sub_ids(const struct numbers *own, const char *tree)
{
    static const char *const names[] = {"/etc/shadow",
                                        "/etc/gshadow",
                                        "/var/mail",
                                        "/var/local",
                                        "/var/cache/apt/archives/partial",
                                        "/var/log/journal",
                                        "/usr/bin/chage",
                                        "/usr/bin/ssh-agent"};

    for (size_t i = 0; i < ELEMENTS(names); i++)
        if (is_of_sub_id(own, tree, names[i]))
            return true;
    return false;
}

/* Maps the numbers set aside, if the programs that may do so are there. `owner_is_sub`: the first
 * of them is root. */
static bool map_all(struct idmap *map, const struct numbers *own, bool owner_is_sub)
{
    unsigned int users = own->users.count;
    unsigned int groups = own->groups.count;

    if (!users || !groups)
        return false;
    map->user_program = process_find("newuidmap", NULL);
    map->group_program = process_find("newgidmap", NULL);
    if (!map->user_program || !map->group_program) {
        idmap_free(map);
        return false;
    }
    map->rows = 2;
    map->keeps_user = owner_is_sub;
    map->users[0] = (struct idmap_row){owner_is_sub ? 0 : 1, own->users.first, users};
    map->groups[0] = (struct idmap_row){owner_is_sub ? 0 : 1, own->groups.first, groups};
    map->users[1] = (struct idmap_row){owner_is_sub ? users : 0, own->user, 1};
    map->groups[1] = (struct idmap_row){owner_is_sub ? groups : 0, own->group, 1};
    return true;
}

static void map_alone(struct idmap *map, const struct numbers *own)
{
    idmap_free(map);
    map->rows = 1;
    map->users[0] = (struct idmap_row){0, own->user, 1};
    map->groups[0] = (struct idmap_row){0, own->group, 1};
}

/* Reports that the owners stay. */
static int stay(struct plan *plan, unsigned int owner, const char *why, struct error *e)
{
    idmap_free(&plan->identities);
    if (plan->tree_owner == TREE_OWNER_ROOT)
        return error_set(e, -EPERM,
                         "--root-dir-owner=root: %s belongs to user %u, who cannot be root in the "
                         "guest: %s",
                         plan->tree, owner, why);
    log_info("files of %s belong to user %u in the guest too: %s", plan->tree, owner, why);
    return 0;
}

/* Maps the user's own tree: only the user if one is enough, so that files which the guest makes in
 * shares are the user's. */
static int map_own(struct plan *plan, const struct numbers *own, struct error *e)
{
    struct idmap *map = &plan->identities;
    int r = -EPERM;

    if ((plan->tree_writable || has_sub_ids(own, plan->tree)) && map_all(map, own, false))
        r = idmap_try(map);
    if (r == 0)
        return 0;
    map_alone(map, own);
    r = idmap_try(map);
    return r == 0 ? 0 : stay(plan, own->user, "user namespaces cannot be made here", e);
}

static int map_sub(struct plan *plan, const struct numbers *own, unsigned int owner,
                   struct error *e)
{
    if (owner != own->users.first)
        return stay(plan, owner, "this is not the first number that /etc/subuid gives you", e);
    if (!map_all(&plan->identities, own, true))
        return stay(plan, owner,
                    "/etc/subgid gives you no numbers, or newuidmap (package uidmap) is missing",
                    e);
    return idmap_try(&plan->identities) == 0
               ? 0
               : stay(plan, owner, "newuidmap refuses, or user namespaces cannot be made here", e);
}

static int choose(struct plan *plan, struct error *e)
{
    struct stat st;
    bool must = plan->tree_owner == TREE_OWNER_ROOT;

    if (!plan->tree || plan->tree_owner == TREE_OWNER_KEEP || stat(plan->tree, &st) < 0 ||
        st.st_uid == 0)
        return 0;
    if (geteuid() == 0)
        return must ? stay(plan, st.st_uid, "run-vm runs as root; run it as that user", e) : 0;
    const struct numbers own = {.user = geteuid(),
                                .group = getegid(),
                                .users = subids_read("/etc/subuid", geteuid()),
                                .groups = subids_read("/etc/subgid", geteuid())};
    bool is_sub = subids_contain(&own.users, st.st_uid);
    if (st.st_uid != own.user && !is_sub)
        return must ? stay(plan, st.st_uid, "run-vm runs as another user", e) : 0;
    if (plan->starts_privileged)
        return stay(plan, st.st_uid, "QEMU starts a program that may need the host's root", e);
    return is_sub ? map_sub(plan, &own, st.st_uid, e) : map_own(plan, &own, e);
}

/* Says whose the files are that the guest's users make in other shares. */
static void tell_of_shares(const struct plan *plan)
{
    const struct idmap *map = &plan->identities;
    bool only_root = plan->exec.arguments.count && !plan->exec.user;

    if (map->rows < 2 || (only_root && !map->keeps_user))
        return;
    for (size_t i = 0; i < plan->machine.count; i++) {
        const struct model_share *share = &plan->machine.items[i].share;

        if (plan->machine.items[i].kind == MODEL_SHARE && !share->read_only && !share->socket &&
            !path_is_same(share->path, plan->tree) && !plan_is_temporary(plan, share->path))
            log_info("%s: what %s there belongs here to numbers of /etc/subuid; unshare "
                     "--map-root-user --map-auto rm removes it",
                     share->path,
                     map->keeps_user ? "the guest makes" : "the guest's users but root make");
    }
}

int treeowner_choose(struct plan *plan, struct error *e)
{
    int r = choose(plan, e);
    if (r == 0)
        tell_of_shares(plan);
    return r;
}
