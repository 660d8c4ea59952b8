/* SPDX-License-Identifier: MIT */
#include "host/plan/plan.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/machine/qemuargv.h"
#include "host/system/path.h"

const char *const plan_file_kinds[] = {
    [FILE_DISK_IMAGE] = "disk-image",
    [FILE_DISK_LOWER] = "disk-lower",
    [FILE_DISK_OVERLAY] = "disk-overlay",
    [FILE_DIRECTORY] = "directory",
    [FILE_TEMPORARY] = "temporary",
    [FILE_COPY] = "copy",
    [FILE_STORE_IMAGE] = "store-image",
    [FILE_BOOT_DISK] = "boot-disk",
    [FILE_REGISTRATION] = "registration",
    [FILE_INITRD] = "initrd",
    [FILE_KERNEL] = "kernel",
    [FILE_MODULE_INDEX] = "module-index",
    [FILE_TPM_STATE] = "tpm-state",
};

bool plan_shows_guest(const struct plan *plan)
{
    return plan->exec.arguments.count > 0 || plan->console == PLAN_CONSOLE_STREAMS ||
           plan->console == PLAN_CONSOLE_AND_MONITOR;
}

bool plan_is_temporary(const struct plan *plan, const char *path)
{
    const char *rest = startswith(path, plan->cwd);

    return rest && (*rest == '/' || !*rest);
}

void plan_add_parameter(struct plan *plan, const char *name, const char *value)
{
    struct model_item *kernel = model_find(&plan->machine, MODEL_KERNEL);
    char *text = xasprintf("%s=%s %s", name, value, kernel->kernel.parameters);

    qemuargv_replace_parameters(&plan->argv, kernel->kernel.parameters, text);
    free(kernel->kernel.parameters);
    kernel->kernel.parameters = text;
}

static void free_file(struct plan_file *file)
{
    free(file->path);
    free(file->source);
    free(file->label);
    strv_free(&file->roots);
}

static void free_files(struct plan *plan)
{
    for (size_t i = 0; i < plan->file_count; i++)
        free_file(&plan->files[i]);
    free(plan->files);
    for (size_t i = 0; i < plan->blank_count; i++) {
        free(plan->blank[i].path);
        free(plan->blank[i].format);
    }
    free(plan->blank);
}

static void free_need(struct plan_need *need)
{
    free(need->name);
    free(need->path);
}

static void free_needs(struct plan *plan)
{
    for (size_t i = 0; i < plan->need_count; i++)
        free_need(&plan->needs[i]);
    free(plan->needs);
    for (size_t i = 0; i < plan->port_count; i++)
        free(plan->ports[i].name);
    free(plan->ports);
}

static void free_servers(struct plan *plan)
{
    for (size_t i = 0; i < plan->server_count; i++) {
        free(plan->servers[i].program);
        free(plan->servers[i].tag);
        free(plan->servers[i].source);
        free(plan->servers[i].socket);
    }
    free(plan->servers);
}

static void free_tpm(struct plan_tpm *tpm)
{
    free(tpm->program);
    free(tpm->state);
    free(tpm->socket);
    free(tpm->provisioning);
}

static void free_credentials(struct plan *plan)
{
    for (size_t i = 0; i < plan->credential_count; i++) {
        free(plan->credentials[i].name);
        free(plan->credentials[i].option);
        free(plan->credentials[i].source);
        free(plan->credentials[i].text);
    }
    free(plan->credentials);
}

static void free_initrd(struct initrd_spec *spec)
{
    free(spec->init);
    free(spec->modules_dir);
    free(spec->modules_source);
    free(spec->modules_root);
    strv_free(&spec->modules);
    strv_free(&spec->needed);
    cmdline_free(&spec->words);
}

static void free_boot_disk(struct boot_disk_spec *spec)
{
    free(spec->toplevel);
    free(spec->toplevel_path);
    free(spec->grub_device);
    free(spec->label);
    strv_free(&spec->firmware);
    strv_free(&spec->settings);
    free(spec->kernel);
    free(spec->modules_dir);
    free(spec->guest_init);
}

bool plan_gives_key(const struct plan *plan)
{
    for (size_t i = 0; i < plan->credential_count; i++)
        if (plan->credentials[i].ssh_key)
            return true;
    return false;
}

size_t plan_credential_string(const struct plan_credential *credential, size_t content)
{
    return strlen(PLAN_SMBIOS_CREDENTIAL) + strlen(credential->name) + strlen("=") +
           (content + 2) / 3 * 4 + 1;
}

static void drop_needs(struct plan *plan, const char *path)
{
    size_t kept = 0;

    for (size_t i = 0; i < plan->need_count; i++)
        if (path_is_same(plan->needs[i].path, path))
            free_need(&plan->needs[i]);
        else
            plan->needs[kept++] = plan->needs[i];
    plan->need_count = kept;
}

void plan_keep_files(struct plan *plan, unsigned int kinds)
{
    size_t kept = 0;

    for (size_t i = 0; i < plan->file_count; i++)
        if (kinds & 1U << plan->files[i].kind) {
            plan->files[kept++] = plan->files[i];
        } else {
            drop_needs(plan, plan->files[i].path);
            free_file(&plan->files[i]);
        }
    plan->file_count = kept;
}

void plan_free(struct plan *plan)
{
    free_files(plan);
    free_needs(plan);
    free_servers(plan);
    free_tpm(&plan->tpm);
    free_credentials(plan);
    free_initrd(&plan->initrd);
    free_boot_disk(&plan->boot_disk);
    model_free(&plan->machine);
    strv_free(&plan->argv);
    strv_free(&plan->environment);
    strv_free(&plan->kernel_params);
    strv_free(&plan->warnings);
    free(plan->accel_reason);
    free(plan->cwd);
    free(plan->image);
    free(plan->tree);
    idmap_free(&plan->identities);
    guestcommand_free(&plan->exec);
    free(plan->warm_obstacle);
    free(plan->exec_socket);
    free(plan->agent_socket);
    free(plan->report_socket);
    free(plan->qmp_socket);
    free(plan->control_socket);
    free(plan->vnc_socket);
    free(plan->console_socket);
    free(plan->console_log);
    strv_free(&plan->raw_images);
    strv_free(&plan->helpers);
    free(plan->qemu_img);
    free(plan->store_prefix);
    *plan = (struct plan){0};
}
