/* SPDX-License-Identifier: MIT */
/* Plans the credentials of the guest's systemd. QEMU reads each from a descriptor that run-vm opens
 * for it, so that no secret is in its arguments or in a file. */
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/units.h"
#include "host/plan/planner.h"
#include "host/system/path.h"

/* The descriptor of the first credential, above those that run-vm needs for itself. */
#define FIRST_DESCRIPTOR 100

/* The sizes that the string of a file, and that of a key, are taken to have: each is read when the
 * machine starts, and the file may be a pipe. */
#define FILE_STRING (MIB / 16)
#define KEY_STRING  512

static uint64_t string_size(const struct plan_credential *credential)
{
    if (credential->ssh_key)
        return KEY_STRING;
    return credential->text ? plan_credential_string(credential, strlen(credential->text))
                            : FILE_STRING;
}

static void add_credential(struct planner *p, const struct credential *credential)
{
    struct plan *plan = p->plan;
    int fd = FIRST_DESCRIPTOR + (int)plan->credential_count;
    char *option CLEANUP_FREE = xasprintf("virtualisation.credentials.%s", credential->name);
    char *from CLEANUP_FREE = xasprintf("%s.%s", option, credential->source ? "source" : "text");
    char *source CLEANUP_FREE =
        credential->source ? planner_expand_path(p, from, credential->source) : NULL;

    ARRAY_PUSH(
        plan->credentials, plan->credential_count,
        (struct plan_credential){
            .name = xstrdup(credential->name),
            .option = config_origin_name(p->config, credential->ssh_key ? "runVm.ssh" : from),
            .source = source ? path_absolute(plan->cwd, source) : NULL,
            .text = xstrdup(credential->text),
            .ssh_key = credential->ssh_key,
            .smbios = credential->smbios,
            .fd = fd,
        });
    if (credential->smbios)
        p->firmware_bytes += string_size(&plan->credentials[plan->credential_count - 1]);
    model_add(&plan->machine,
              (struct model_item){
                  .kind = MODEL_CREDENTIAL,
                  .credential = {.mechanism = credential->smbios ? MODEL_SMBIOS : MODEL_FW_CFG,
                                 .name = xstrdup(credential->name),
                                 .path = xasprintf("/dev/fd/%d", fd)}});
}

void plan_credentials(struct planner *p)
{
    for (size_t i = 0; i < p->config->credentials.count; i++)
        add_credential(p, &p->config->credentials.items[i]);
}
