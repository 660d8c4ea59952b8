/* SPDX-License-Identifier: MIT */
#include "host/machine/libvirtdevice.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/machine/qemuargv.h"

void libvirtdevice_random(struct libvirtdomain *domain, const struct model_item *item)
{
    struct xml *rng = xml_add(domain->devices, "rng", "model", "virtio", NULL);

    (void)item;
    (void)xml_add(rng, "backend", "model", "builtin", NULL);
}

/* --- the network --- */

static const struct model_item *find_network(const struct model *model, const char *id)
{
    for (size_t i = 0; i < model->count; i++)
        if (model->items[i].kind == MODEL_NETWORK && streq(model->items[i].network.id, id))
            return &model->items[i];
    return NULL;
}

/* True if libvirt can say all that the network does. */
static bool is_plain(const struct model_network *network)
{
    return !network->vde_socket && !network->forward_count && !network->restricted &&
           !*network->options;
}

/* True if libvirt can say every network. Otherwise all cards go to QEMU: a guest names them in the
 * order of their places, and comes to those that libvirt gives after all others. */
static bool are_plain(const struct model *model)
{
    for (size_t i = 0; i < model->count; i++)
        if (model->items[i].kind == MODEL_NETWORK && !is_plain(&model->items[i].network))
            return false;
    return true;
}

/* Returns the card's address, the same each time; the caller frees. */
static char *card_address(struct libvirtdomain *domain, const struct model_card *card)
{
    const unsigned char *digest = domain->digest;

    if (card->mac)
        return xstrdup(card->mac);
    return xasprintf("52:54:00:%02x:%02x:%02x", digest[0], digest[1],
                     (unsigned int)(digest[2] + domain->cards) & 0xffU);
}

/* Passes a card and its network on to QEMU. */
static void pass_card_on(struct libvirtdomain *domain, const struct model_card *card,
                         const struct model_item *network, const char *mac)
{
    struct strv argv CLEANUP_STRV = {0};

    if (is_plain(&network->network))
        libvirtdomain_keep_place(domain, network);
    else
        libvirtdomain_pass_on(domain, network);
    strv_push(&argv, "-device");
    strv_pushf(&argv, "%s,netdev=%s,mac=%s", card->driver ? card->driver : "virtio-net-pci",
               card->network, mac);
    libvirtdomain_add_arguments(domain, argv.items, argv.count);
}

void libvirtdevice_card(struct libvirtdomain *domain, const struct model_item *item)
{
    const struct model_card *card = &item->card;
    const struct model_item *network = find_network(domain->model, card->network);
    char *mac CLEANUP_FREE = card_address(domain, card);

    if (!network) { /* among the user's arguments */
        libvirtdomain_pass_on(domain, item);
    } else if (!are_plain(domain->model)) {
        pass_card_on(domain, card, network, mac);
    } else {
        struct xml *interface = xml_add(domain->devices, "interface", "type", "user", NULL);

        (void)xml_add(interface, "mac", "address", mac, NULL);
        (void)xml_add(interface, "model", "type", "virtio", NULL);
    }
    domain->cards++;
}

/* --- shares --- */

/* The names of QEMU's security models. */
static const struct {
    const char *model;
    const char *mode;
} access_modes[] = {
    {"none", "squash"},
    {"passthrough", "passthrough"},
    {"mapped", "mapped"},
    {"mapped-xattr", "mapped"},
};

static const char *access_mode(const struct model_share *share)
{
    for (size_t i = 0; share->security_model && i < ELEMENTS(access_modes); i++)
        if (streq(access_modes[i].model, share->security_model))
            return access_modes[i].mode;
    return "passthrough"; /* virtiofs has no other */
}

/* Passes a share on to QEMU, its device apart, which -virtfs could not give a place. */
static void pass_share_on(struct libvirtdomain *domain, const struct model_share *share, char *path)
{
    struct model_item item = {.kind = MODEL_SHARE, .share = *share};

    item.share.id = share->tag;
    item.share.path = path;
    item.share.bus = (struct model_bus){0};
    libvirtdomain_pass_on(domain, &item);
}

/* libvirt refuses such a share before 11.0, rather than let the guest write. */
static void warn_of_old_libvirt(struct libvirtdomain *domain, const struct model_share *share)
{
    if (share->socket && share->read_only)
        strv_pushf(domain->warnings,
                   "virtualisation.sharedDirectories.%s: is read-only on virtiofs, which libvirt "
                   "before 11.0 refuses; 9p works with each (runVm.shares.%s.transport)",
                   share->tag, share->tag);
}

void libvirtdevice_share(struct libvirtdomain *domain, const struct model_item *item)
{
    const struct model_share *share = &item->share;
    char *path CLEANUP_FREE = libvirtdomain_path(domain, share->path);

    if (share->security_model && streq(share->security_model, "mapped-file")) {
        pass_share_on(domain, share, path);
        return;
    }
    struct xml *filesystem =
        xml_add(domain->devices, "filesystem", "type", "mount", "accessmode", access_mode(share),
                "multidevs", share->socket ? NULL : "remap", NULL);
    if (share->socket) {
        (void)xml_add(filesystem, "driver", "type", "virtiofs", NULL);
        (void)xml_add(filesystem, "binary", "path", domain->facts->virtiofsd, NULL);
    }
    (void)xml_add(filesystem, "source", "dir", path, NULL);
    (void)xml_add(filesystem, "target", "dir", share->tag, NULL);
    if (share->read_only)
        (void)xml_add(filesystem, "readonly", NULL);
    warn_of_old_libvirt(domain, share);
}

/* --- drives --- */

/* QEMU's devices, libvirt's buses, and the names that it gives to the disks there. */
static const struct bus {
    const char *driver;
    const char *bus;
    const char *letters;
    const char *device;
} buses[] = {
    {"virtio-blk-pci", "virtio", "vd", "disk"},
    {"scsi-hd", "scsi", "sd", "disk"},
    {"ide-hd", "sata", "sd", "disk"},
    {"ide-cd", "sata", "sd", "cdrom"},
};

/* QEMU's options of a drive, and libvirt's attributes of its <driver>. */
static const struct {
    const char *option;
    const char *attribute;
} drive_options[] = {
    {"cache", "cache"},
    {"werror", "error_policy"},
    {"rerror", "rerror_policy"},
    {"discard", "discard"},
    {"aio", "io"},
    {"detect-zeroes", "detect_zeroes"},
    {"media", NULL},
    {"readonly", NULL},
    {"snapshot", NULL},
};

static const struct bus *find_bus(const char *driver)
{
    for (size_t i = 0; i < ELEMENTS(buses); i++)
        if (streq(buses[i].driver, driver))
            return &buses[i];
    return NULL;
}

static bool is_known(const char *option)
{
    for (size_t i = 0; i < ELEMENTS(drive_options); i++)
        if (streq(drive_options[i].option, option))
            return true;
    return false;
}

/* True if libvirt can say all that the drive is. The bus is its own to choose. */
static bool can_say_drive(const struct model_drive *drive)
{
    const struct bus *bus = find_bus(drive->driver);
    const char *media = model_property(&drive->backend, "media");
    bool can = bus && (!media || streq(media, bus->device));

    for (size_t i = 0; i < drive->backend.count; i++)
        can &= is_known(drive->backend.items[i].key);
    for (size_t i = 0; i < drive->device.count; i++)
        can &= streq(drive->device.items[i].key, "bus");
    return can;
}

/* True if libvirt can say every drive of this kind. Otherwise all go to QEMU, in whose order the
 * guest names them, as it does cards. */
static bool can_say_drives(const struct model *model, const char *driver)
{
    for (size_t i = 0; i < model->count; i++)
        if (model->items[i].kind == MODEL_DRIVE && streq(model->items[i].drive.driver, driver) &&
            !can_say_drive(&model->items[i].drive))
            return false;
    return true;
}

static void add_driver(struct xml *disk, const struct model_drive *drive)
{
    struct xml *driver = xml_add(disk, "driver", "name", "qemu", "type",
                                 drive->format ? drive->format : "raw", NULL);

    for (size_t i = 0; i < ELEMENTS(drive_options); i++)
        if (drive_options[i].attribute)
            xml_set(driver, drive_options[i].attribute,
                    model_property(&drive->backend, drive_options[i].option));
}

/* Names the disk as libvirt does, which takes the order of the disks from their names; the caller
 * frees. */
static char *name_disk(struct libvirtdomain *domain, const struct bus *bus)
{
    size_t *count = streq(bus->bus, "virtio") ? &domain->disks : &domain->other_disks;
    size_t number = (*count)++;

    return number < 26 ? xasprintf("%s%c", bus->letters, (int)('a' + number))
                       : xasprintf("%s%c%c", bus->letters, (int)('a' + number / 26 - 1),
                                   (int)('a' + number % 26));
}

/* Returns the drive's place in the boot order, which libvirt counts from 1; the caller frees. NULL:
 * it has none. */
static char *boot_order(const struct model_drive *drive)
{
    uint64_t index = 0;

    if (!drive->boot_index || !text_number(drive->boot_index, INT32_MAX, &index))
        return NULL;
    return xasprintf("%" PRIu64, index + 1);
}

static void add_boot_order(struct libvirtdomain *domain, struct xml *disk,
                           const struct model_drive *drive)
{
    char *order CLEANUP_FREE = boot_order(drive);

    if (!order)
        return;
    (void)xml_add(disk, "boot", "order", order, NULL);
    domain->boots_disk = true;
}

/* Passes a drive on, with its place in the boot order between those that libvirt gives. */
static void pass_drive_on(struct libvirtdomain *domain, const struct model_item *item)
{
    struct model_item counted = *item;
    char *order CLEANUP_FREE = boot_order(&item->drive);

    if (order) {
        counted.drive.boot_index = order;
        domain->boots_other = true;
    }
    if (can_say_drive(&item->drive))
        libvirtdomain_keep_place(domain, &counted);
    else
        libvirtdomain_pass_on(domain, &counted);
}

void libvirtdevice_drive(struct libvirtdomain *domain, const struct model_item *item)
{
    const struct model_drive *drive = &item->drive;
    const struct bus *bus = find_bus(drive->driver);

    if (!can_say_drives(domain->model, drive->driver)) {
        pass_drive_on(domain, item);
        return;
    }
    char *file CLEANUP_FREE = libvirtdomain_path(domain, drive->file);
    char *name CLEANUP_FREE = name_disk(domain, bus);
    bool is_sata = streq(bus->bus, "sata");
    struct xml *disk =
        xml_add(domain->devices, "disk", "type", "file", "device", bus->device, NULL);
    add_driver(disk, drive);
    (void)xml_add(disk, "source", "file", file, NULL);
    (void)xml_add(disk, "target", "dev", name, "bus",
                  is_sata && !libvirtdomain_has_pcie(domain) ? "ide" : bus->bus, NULL);
    if (drive->serial)
        (void)xml_add_text(disk, "serial", drive->serial);
    add_boot_order(domain, disk, drive);
    if (drive->read_only)
        (void)xml_add(disk, "readonly", NULL);
    else if (drive->snapshot)
        (void)xml_add(disk, "transient", NULL);
}

/* --- others --- */

/* A channel that run-vm listens on is for a machine that it supervises. */
void libvirtdevice_channel(struct libvirtdomain *domain, const struct model_item *item)
{
    if (!item->channel.chardev.listens)
        return;
    struct xml *channel = xml_add(domain->devices, "channel", "type", "unix", NULL);
    (void)xml_add(channel, "target", "type", "virtio", "name", item->channel.port, NULL);
}

/* QEMU's input devices. */
static const struct {
    const char *driver;
    const char *type;
    const char *bus;
} inputs[] = {
    {"virtio-keyboard", "keyboard", "virtio"},
    {"virtio-keyboard-pci", "keyboard", "virtio"},
    {"usb-kbd", "keyboard", "usb"},
    {"usb-tablet", "tablet", "usb"},
};

void libvirtdevice_input(struct libvirtdomain *domain, const struct model_item *item)
{
    for (size_t i = 0; i < ELEMENTS(inputs); i++) {
        if (!streq(inputs[i].driver, item->device.driver))
            continue;
        (void)xml_add(domain->devices, "input", "type", inputs[i].type, "bus", inputs[i].bus, NULL);
        return;
    }
    libvirtdomain_pass_on(domain, item);
}

void libvirtdevice_tpm(struct libvirtdomain *domain, const struct model_item *item)
{
    static const char device[] = "-device"; /* of Arm's TPM, which libvirt calls as the others */
    const char *driver = item->tpm.driver;
    size_t length = strlen(driver) - (endswith(driver, device) ? strlen(device) : 0);
    char *model CLEANUP_FREE = xstrndup(driver, length);
    struct xml *tpm = xml_add(domain->devices, "tpm", "model", model, NULL);

    (void)xml_add(tpm, "backend", "type", "emulator", "version", "2.0", NULL);
}
