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

/* PCI devices whose names do not say so: those of run-vm, and the usual ones of users. */
static const char *const pci_drivers[] = {
    "AC97",
    "ES1370",
    "VGA",
    "ahci",
    "bochs-display",
    "e1000",
    "e1000e",
    "i6300esb",
    "ich9-ahci",
    "ich9-intel-hda",
    "intel-hda",
    "ivshmem-doorbell",
    "ivshmem-plain",
    "lsi53c895a",
    "megasas",
    "nec-usb-xhci",
    "nvme",
    "pci-bridge",
    "pcie-pci-bridge",
    "pcie-root-port",
    "pvscsi",
    "qemu-xhci",
    "qxl",
    "qxl-vga",
    "rtl8139",
    "usb-ehci",
    "vmxnet3",
};

/* True if this value of -device is a PCI device. On this bus QEMU takes virtio-NAME for
 * virtio-NAME-pci. */
static bool is_pci(const char *device)
{
    char *driver CLEANUP_FREE = xstrndup(device, strcspn(device, ","));

    if (endswith(driver, "-pci") || (startswith(driver, "virtio-") && !endswith(driver, "-device")))
        return true;
    for (size_t i = 0; i < ELEMENTS(pci_drivers); i++)
        if (streq(pci_drivers[i], driver))
            return true;
    return false;
}

/* The slot of the first PCI device that libvirt does not know of: it counts its own from 1. */
#define FIRST_SLOT 0x10

void libvirtdomain_add_arguments(struct libvirtdomain *domain, char *const *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool is_device = i > 0 && streq(items[i - 1], "-device") && is_pci(items[i]);

        if (is_device && !strstr(items[i], ",bus=") && !strstr(items[i], ",addr="))
            strv_pushf(&domain->arguments, "%s,addr=0x%zx", items[i],
                       FIRST_SLOT + domain->places++);
        else
            strv_push(&domain->arguments, items[i]);
    }
}

static void pass_on(struct libvirtdomain *domain, const struct model_item *item, const char *reason)
{
    struct model_item copy = *item;
    const struct model alone = {.program = domain->model->program, .items = &copy, .count = 1};
    struct strv argv CLEANUP_STRV = {0};

    qemuargv_write(&alone, &argv);
    libvirtdomain_add_arguments(domain, argv.items + 1, argv.count - 1);
    char *words CLEANUP_FREE = strv_join(&argv, " ");
    strv_pushf(domain->warnings, "libvirt cannot %s \"%s\", which goes to qemu:commandline", reason,
               words + strlen(argv.items[0]) + 1);
}

void libvirtdomain_pass_on(struct libvirtdomain *domain, const struct model_item *item)
{
    pass_on(domain, item, "say");
}

void libvirtdomain_keep_place(struct libvirtdomain *domain, const struct model_item *item)
{
    pass_on(domain, item, "keep the place of");
}
