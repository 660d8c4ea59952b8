/* SPDX-License-Identifier: MIT */
#include "init/plan/plan.h"

#include "base/alloc.h"
#include "base/text.h"

const struct plan_mount *boot_plan_find(const struct boot_plan *plan, const char *where)
{
    for (size_t i = 0; i < plan->count; i++)
        if (!plan->mounts[i].outside && streq(plan->mounts[i].where, where))
            return &plan->mounts[i];
    return NULL;
}

static void free_mount(struct plan_mount *mount)
{
    free(mount->what);
    free(mount->where);
    free(mount->fstype);
    free(mount->layers.upper);
    free(mount->layers.work);
    free(mount->layers.former);
    strv_free(&mount->layers.lower);
    mountoptions_free(&mount->options);
}

void boot_plan_free(struct boot_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        free_mount(&plan->mounts[i]);
    free(plan->mounts);
    strv_free(&plan->modules);
    strv_free(&plan->filesystems);
    *plan = (struct boot_plan){0};
}
