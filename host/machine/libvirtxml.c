/* SPDX-License-Identifier: MIT */
#include "host/machine/libvirtxml.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/sha256.h"
#include "base/text.h"
#include "host/machine/libvirtdevice.h"
#include "host/machine/qemuoption.h"

/* --- the machine --- */

static char *decimal(uint64_t number)
{
    return xasprintf("%" PRIu64, number);
}

static void write_memory(struct libvirtdomain *domain, const struct model_item *item)
{
    char *mebibytes CLEANUP_FREE = decimal(item->number);

    xml_set(xml_add_text(domain->root, "memory", mebibytes), "unit", "MiB");
}

/* The element of the processor, which several items of the model fill in. */
static struct xml *processor_element(struct libvirtdomain *domain)
{
    if (!domain->processor)
        domain->processor = xml_add(domain->root, "cpu", NULL);
    return domain->processor;
}

/* QEMU makes them cores of one socket, libvirt makes them sockets. */
static void write_cores(struct libvirtdomain *domain, const struct model_item *item)
{
    char *number CLEANUP_FREE = decimal(item->number);

    (void)xml_add_text(domain->root, "vcpu", number);
    if (item->number == 1)
        return;
    (void)xml_add(processor_element(domain), "topology", "sockets", "1", "cores", number, "threads",
                  "1", NULL);
}

static void write_shared_memory(struct libvirtdomain *domain, const struct model_item *item)
{
    struct xml *backing = xml_add(domain->root, "memoryBacking", NULL);

    (void)item;
    (void)xml_add(backing, "source", "type", "memfd", NULL);
    (void)xml_add(backing, "access", "mode", "shared", NULL);
}

/* libvirt has no name for the newest GIC that the accelerator knows. */
static void write_type(struct libvirtdomain *domain, const struct model_item *item)
{
    const struct model_item *accelerator = model_find(domain->model, MODEL_ACCELERATOR);
    bool is_kvm = accelerator && streq(accelerator->text, "kvm");
    size_t length = 0;

    if (qemu_option_item(item->text, "gic-version", &length))
        (void)xml_add(domain->features, "gic", "version", is_kvm ? "host" : "3", NULL);
}

/* Adds what follows the model's name: NAME=on or NAME=off. */
static void add_features(struct xml *cpu, const struct strv *words)
{
    for (size_t i = 1; i < words->count; i++) {
        const char *sign = strchr(words->items[i], '=');

        if (!sign)
            continue;
        char *name CLEANUP_FREE = xstrndup(words->items[i], (size_t)(sign - words->items[i]));
        (void)xml_add(cpu, "feature", "policy", streq(sign + 1, "off") ? "disable" : "require",
                      "name", name, NULL);
    }
}

/* A later -cpu replaces libvirt's: properties that are no features are passed on so. */
static void write_processor(struct libvirtdomain *domain, const struct model_item *item)
{
    struct strv words CLEANUP_STRV = {0};

    strv_split(&words, item->text, ',');
    const char *model = words.items[0];
    struct xml *cpu = processor_element(domain);
    if (!streq(model, "max") && !streq(model, "host")) {
        xml_set(cpu, "mode", "custom");
        xml_set(cpu, "match", "exact");
        (void)xml_add_text(cpu, "model", model);
        add_features(cpu, &words);
        return;
    }
    xml_set(cpu, "mode", streq(model, "max") ? "maximum" : "host-passthrough");
    xml_set(cpu, "check", "none");
    if (strstr(item->text, "x-force-features="))
        libvirtdomain_pass_on(domain, item);
    else
        add_features(cpu, &words);
}

static void write_no_reboot(struct libvirtdomain *domain, const struct model_item *item)
{
    (void)item;
    (void)xml_add_text(domain->root, "on_reboot", "destroy");
}

/* --- what it boots --- */

static void write_kernel(struct libvirtdomain *domain, const struct model_item *item)
{
    char *kernel CLEANUP_FREE = libvirtdomain_path(domain, item->kernel.image);
    char *initrd CLEANUP_FREE = libvirtdomain_path(domain, item->kernel.initrd);

    (void)xml_add_text(domain->os, "kernel", kernel);
    (void)xml_add_text(domain->os, "initrd", initrd);
    (void)xml_add_text(domain->os, "cmdline", item->kernel.parameters);
}

static void write_firmware(struct libvirtdomain *domain, const struct model_item *item)
{
    const struct model_firmware *firmware = &item->firmware;

    if (firmware->smm)
        (void)xml_add(domain->features, "smm", "state", "on", NULL);
    if (domain->facts->elsewhere) {
        xml_set(domain->os, "firmware", "efi");
        return;
    }
    char *code CLEANUP_FREE = libvirtdomain_path(domain, firmware->code);
    char *variables CLEANUP_FREE = libvirtdomain_path(domain, firmware->variables);
    struct xml *loader = xml_add(domain->os, "loader", "readonly", "yes", "type", "pflash", NULL);

    xml_set(loader, "secure", firmware->smm ? "yes" : NULL);
    xml_set_text(loader, code);
    (void)xml_add_text(domain->os, "nvram", variables);
}

/* A domain has one loader. */
static void write_bios(struct libvirtdomain *domain, const struct model_item *item)
{
    if (model_find(domain->model, MODEL_FIRMWARE)) {
        libvirtdomain_pass_on(domain, item);
        return;
    }
    char *path CLEANUP_FREE = libvirtdomain_path(domain, item->text);

    xml_set(xml_add_text(domain->os, "loader", path), "type", "rom");
}

/* A secret that run-vm hands to QEMU in a descriptor has no place in a file. */
static void write_credential(struct libvirtdomain *domain, const struct model_item *item)
{
    strv_pushf(domain->warnings,
               "virtualisation.credentials.%s: is left out: a domain would have it in its XML",
               item->credential.name);
}

/* --- others --- */

static void write_arguments(struct libvirtdomain *domain, const struct model_item *item)
{
    libvirtdomain_pass_on(domain, item);
}

/* Leaves an item to libvirt, which has its own: monitors, sandbox, buses, controllers. Others are
 * written with the one they belong to, or by a step below. */
static void leave(struct libvirtdomain *domain, const struct model_item *item)
{
    (void)domain;
    (void)item;
}

static void (*const writers[MODEL_KINDS])(struct libvirtdomain *domain,
                                          const struct model_item *item) = {
    [MODEL_TYPE] = write_type,
    [MODEL_ACCELERATOR] = leave,
    [MODEL_PROCESSOR] = write_processor,
    [MODEL_MONITOR] = leave,
    [MODEL_SANDBOX] = leave,
    [MODEL_NAME] = leave,
    [MODEL_MEMORY] = write_memory,
    [MODEL_CORES] = write_cores,
    [MODEL_SHARED_MEMORY] = write_shared_memory,
    [MODEL_RANDOM] = libvirtdevice_random,
    [MODEL_CARD] = libvirtdevice_card,
    [MODEL_NETWORK] = leave,
    [MODEL_NO_CARD] = leave,
    [MODEL_SHARE] = libvirtdevice_share,
    [MODEL_CONTROLLER] = leave,
    [MODEL_DRIVE] = libvirtdevice_drive,
    [MODEL_NO_REBOOT] = write_no_reboot,
    [MODEL_CHANNEL] = libvirtdevice_channel,
    [MODEL_ADAPTER] = leave,
    [MODEL_DISPLAY] = leave,
    [MODEL_RESOLUTION] = leave,
    [MODEL_USB] = leave,
    [MODEL_INPUT] = libvirtdevice_input,
    [MODEL_KERNEL] = write_kernel,
    [MODEL_FIRMWARE] = write_firmware,
    [MODEL_BIOS] = write_bios,
    [MODEL_HEADLESS] = leave,
    [MODEL_VNC] = leave,
    [MODEL_QUIET_BIOS] = leave,
    [MODEL_SERIAL] = leave,
    [MODEL_DEBUG_PORT] = leave,
    [MODEL_CREDENTIAL] = write_credential,
    [MODEL_TPM] = libvirtdevice_tpm,
    [MODEL_ARGUMENTS] = write_arguments,
};

/* --- the domain --- */

/* Returns a UUID of version 8 (RFC 9562): of the domain's name and its libvirt, so that the same
 * configuration is the same domain each time. The caller frees. */
static char *make_uuid(struct libvirtdomain *domain)
{
    uint8_t digest[SHA256_BYTES];
    char text[SHA256_HEX];
    struct sha256 s;

    sha256_begin(&s);
    sha256_feed(&s, domain->facts->uri, strlen(domain->facts->uri) + 1);
    sha256_feed(&s, domain->facts->name, strlen(domain->facts->name));
    sha256_end(&s, digest);
    memcpy(domain->digest, digest + 16, sizeof domain->digest);
    digest[6] = (uint8_t)(0x80U | (digest[6] & 0x0fU));
    digest[8] = (uint8_t)(0x80U | (digest[8] & 0x3fU));
    sha256_hex(digest, text);
    return xasprintf("%.8s-%.4s-%.4s-%.4s-%.12s", text, text + 8, text + 12, text + 16, text + 20);
}

static void begin_domain(struct libvirtdomain *domain)
{
    const struct model_item *accelerator = model_find(domain->model, MODEL_ACCELERATOR);
    bool is_kvm = accelerator && startswith(accelerator->text, "kvm");
    char *uuid CLEANUP_FREE = make_uuid(domain);

    domain->root = xml_new("domain");
    xml_set(domain->root, "type", is_kvm ? "kvm" : "qemu");
    xml_set(domain->root, "xmlns:qemu", "http://libvirt.org/schemas/domain/qemu/1.0");
    (void)xml_add_text(domain->root, "name", domain->facts->name);
    (void)xml_add_text(domain->root, "uuid", uuid);
    domain->os = xml_add(domain->root, "os", NULL);
    domain->features = xml_add(domain->root, "features", NULL);
    domain->devices = xml_new("devices");
    if (!domain->facts->elsewhere)
        (void)xml_add_text(domain->devices, "emulator", domain->model->program);
}

/* Writes the type of the machine, and the features that it has in QEMU by itself. libvirt refuses
 * ACPI on Arm without EFI. */
static void add_platform(struct libvirtdomain *domain)
{
    const struct model_item *type = model_find(domain->model, MODEL_TYPE);
    size_t length = 0;
    const char *name = type ? qemu_option_item(type->text, "", &length) : NULL;
    char *machine CLEANUP_FREE = name ? xstrndup(name, length) : NULL;
    bool is_x86 = libvirtdomain_is_x86(domain);
    struct xml *os = xml_add_text(domain->os, "type", "hvm");

    xml_set(os, "arch", domain->facts->cpu);
    xml_set(os, "machine", machine ? machine : is_x86 ? "pc" : NULL);
    if (is_x86 || model_find(domain->model, MODEL_FIRMWARE))
        (void)xml_add(domain->features, "acpi", NULL);
    if (is_x86)
        (void)xml_add(domain->features, "apic", NULL);
}

static void add_resolution(struct libvirtdomain *domain, struct xml *video)
{
    const struct model_item *item = model_find(domain->model, MODEL_RESOLUTION);

    if (!item)
        return;
    char *x CLEANUP_FREE = decimal(item->resolution.x);
    char *y CLEANUP_FREE = decimal(item->resolution.y);
    (void)xml_add(video, "resolution", "x", x, "y", y, NULL);
}

/* Serves the display on a socket, which libvirt places. */
static void add_display(struct libvirtdomain *domain)
{
    struct xml *video = xml_add(domain->devices, "video", NULL);

    if (model_find(domain->model, MODEL_HEADLESS)) {
        (void)xml_add(video, "model", "type", "none", NULL);
        return;
    }
    struct xml *graphics = xml_add(domain->devices, "graphics", "type", "vnc", NULL);
    (void)xml_add(graphics, "listen", "type", "socket", NULL);
    add_resolution(domain, xml_add(video, "model", "type",
                                   libvirtdomain_is_x86(domain) ? "vga" : "virtio", NULL));
}

static void add_console(struct libvirtdomain *domain)
{
    struct xml *serial = xml_add(domain->devices, "serial", "type", "pty", NULL);

    (void)xml_add(serial, "target", "port", "0", NULL);
    struct xml *console = xml_add(domain->devices, "console", "type", "pty", NULL);
    (void)xml_add(console, "target", "type", "serial", "port", "0", NULL);
}

/* Adds controllers that libvirt does not add by itself as QEMU's machine needs them. */
static void add_controllers(struct libvirtdomain *domain)
{
    const struct model_item *input = model_find(domain->model, MODEL_INPUT);

    if (input && !libvirtdomain_is_x86(domain))
        (void)xml_add(domain->devices, "controller", "type", "usb", "model", "qemu-xhci", NULL);
    (void)xml_add(domain->devices, "memballoon", "model", "none", NULL);
}

/* Keeps libvirt from booting its first disk where QEMU is to boot another, of which libvirt does
 * not know: it finds no floppy disk. */
static void add_boot_device(struct libvirtdomain *domain)
{
    if (domain->boots_other && !domain->boots_disk)
        (void)xml_add(domain->os, "boot", "dev", "fd", NULL);
}

static void add_owner(struct libvirtdomain *domain)
{
    const struct libvirtdomain_facts *facts = domain->facts;

    if (!facts->as_user)
        return;
    char *label CLEANUP_FREE = xasprintf("+%u:+%u", facts->uid, facts->gid);
    struct xml *seclabel =
        xml_add(domain->root, "seclabel", "type", "static", "model", "dac", "relabel", "no", NULL);
    (void)xml_add_text(seclabel, "label", label);
}

static void add_arguments(struct libvirtdomain *domain)
{
    if (!domain->arguments.count)
        return;
    struct xml *list = xml_add(domain->root, "qemu:commandline", NULL);
    for (size_t i = 0; i < domain->arguments.count; i++)
        (void)xml_add(list, "qemu:arg", "value", domain->arguments.items[i], NULL);
}

char *libvirtxml_write(const struct model *model, const struct libvirtdomain_facts *facts,
                       struct strv *warnings, struct error *e)
{
    static void (*const steps[])(struct libvirtdomain * domain) = {
        add_display, add_console, add_controllers, add_boot_device, add_owner, add_arguments,
    };
    struct libvirtdomain domain = {.model = model, .facts = facts, .warnings = warnings};

    begin_domain(&domain);
    add_platform(&domain);
    for (size_t i = 0; i < model->count; i++)
        writers[model->items[i].kind](&domain, &model->items[i]);
    xml_adopt(domain.root, domain.devices);
    for (size_t i = 0; i < ELEMENTS(steps); i++)
        steps[i](&domain);
    char *document = xml_print(domain.root, e);
    xml_free(domain.root);
    strv_free(&domain.arguments);
    return document;
}
