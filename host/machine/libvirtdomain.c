/* SPDX-License-Identifier: MIT */
#include "host/machine/libvirtdomain.h"

#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/machine/qemuargv.h"

char *libvirtdomain_path(const struct libvirtdomain *domain, const char *path)
{
    return path[0] == '/' ? xstrdup(path) : xasprintf("%s/%s", domain->facts->directory, path);
}

bool libvirtdomain_is_x86(const struct libvirtdomain *domain)
{
    return streq(domain->facts->cpu, "x86_64") || streq(domain->facts->cpu, "i686");
}

bool libvirtdomain_has_pcie(const struct libvirtdomain *domain)
{
    const struct model_item *type = model_find(domain->model, MODEL_TYPE);

    return type || !libvirtdomain_is_x86(domain);
}

void libvirtdomain_pass_on(struct libvirtdomain *domain, const struct model_item *item)
{
    struct model_item copy = *item;
    const struct model alone = {.program = domain->model->program, .items = &copy, .count = 1};
    struct strv argv CLEANUP_STRV = {0};

    qemuargv_write(&alone, &argv);
    for (size_t i = 1; i < argv.count; i++)
        strv_push(&domain->arguments, argv.items[i]);
    char *words CLEANUP_FREE = strv_join(&argv, " ");
    strv_pushf(domain->warnings, "libvirt cannot say \"%s\", which goes to qemu:commandline",
               words + strlen(argv.items[0]) + 1);
}
