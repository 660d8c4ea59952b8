/* SPDX-License-Identifier: MIT */
#include "host/commands/libvirtcommand.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/text.h"
#include "host/commands/contentnames.h"
#include "host/commands/libvirtplan.h"
#include "host/machine/libvirtxml.h"
#include "host/system/imageformat.h"
#include "host/system/message.h"
#include "host/system/output.h"
#include "host/system/path.h"
#include "host/system/process.h"

/* True if the file is yet to be made, as an image for qemu-img's usual format. */
static bool becomes_qcow2(const struct plan *plan, const char *path)
{
    for (size_t i = 0; i < plan->file_count; i++) {
        const struct plan_file *file = &plan->files[i];

        if (path_is_same(file->path, path) && file->kind != FILE_STORE_IMAGE)
            return file->replace || access(path, F_OK) < 0;
    }
    return false;
}

/* Sets the formats that QEMU would find out, which libvirt does not let it do. */
static void set_formats(struct plan *plan)
{
    for (size_t i = 0; i < plan->machine.count; i++) {
        struct model_item *item = &plan->machine.items[i];
        const char *header = NULL;

        if (item->kind != MODEL_DRIVE || item->drive.format)
            continue;
        char *path CLEANUP_FREE = path_absolute(plan->cwd, item->drive.file);
        (void)imageformat_find(path, &header);
        item->drive.format = xstrdup(becomes_qcow2(plan, path) ? "qcow2" : header ? header : "raw");
    }
}

/* Reads the words: which libvirt, and the directory. Returns 0, or -EINVAL with the reason. */
static int read_words(const struct strv *words, bool *is_system, const char **directory,
                      struct error *e)
{
    const char *which = words->count > 0 ? words->items[0] : NULL;

    *directory = words->count > 1 ? words->items[1] : NULL;
    *is_system = which ? streq(which, "system") : geteuid() == 0;
    if (which && !*is_system && !streq(which, "session"))
        return error_set(e, -EINVAL, "%s: is no libvirt of this host; expected session or system",
                         which);
    return 0;
}

/* Prints the domain. In system mode QEMU runs as the user who asks, whose files it needs, and no
 * owner of a file changes. */
static int print_domain(struct libvirtplan *made, bool is_system)
{
    struct plan *plan = &made->plan;
    struct error e CLEANUP_ERROR = {0};
    struct strv warnings CLEANUP_STRV = {0};
    const struct libvirtdomain_facts facts = {
        .name = made->name,
        .uri = is_system ? "qemu:///system" : "qemu:///session",
        .directory = plan->cwd,
        .cpu = made->config.platform->cpu ? made->config.platform->cpu : "x86_64",
        .virtiofsd = plan->server_count ? plan->servers[0].program : NULL,
        .as_user = is_system,
        .uid = geteuid(),
        .gid = getegid(),
    };

    set_formats(plan);
    contentnames_use(plan);
    char *document CLEANUP_FREE = libvirtxml_write(&plan->machine, &facts, &warnings, &e);
    for (size_t i = 0; i < warnings.count; i++)
        log_warning("%s", warnings.items[i]);
    if (!document)
        return message_report(&e, STATUS_CONFIGURATION);
    (void)fputs(document, stdout);
    return output_finish();
}

int libvirtcommand_run(void *values)
{
    struct run_options *options = values;
    struct error e CLEANUP_ERROR = {0};
    struct libvirtplan made CLEANUP_LIBVIRTPLAN = {0};
    const char *directory = NULL;
    bool is_system = false;
    if (read_words(&options->words, &is_system, &directory, &e) < 0)
        return message_report(&e, STATUS_USAGE);
    int status = libvirtplan_make(&made, options, directory);
    return status ? status : print_domain(&made, is_system);
}
