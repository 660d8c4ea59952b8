/* SPDX-License-Identifier: MIT */
#include "host/machine/qemuargv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

char *qemuargv_escape(const char *text)
{
    return text_escape(text, ",", TEXT_DOUBLED);
}

/* Appends an option; its value becomes the list's. */
static void push(struct strv *argv, const char *option, char *value)
{
    strv_push(argv, option);
    strv_take(argv, value);
}

/* Appends an option with a list of items, which is emptied. */
static void push_list(struct strv *argv, const char *option, struct strv *list)
{
    push(argv, option, strv_join(list, ","));
    strv_free(list);
}

/* Appends "KEY=VALUE" to a list, unless there is no value. */
static void add(struct strv *list, const char *key, const char *value)
{
    if (!value)
        return;
    char *plain CLEANUP_FREE = qemuargv_escape(value);
    strv_pushf(list, "%s=%s", key, plain);
}

static void push_chardev(struct strv *argv, const struct model_chardev *chardev)
{
    static const char *const names[] = {
        [MODEL_SOCKET] = "socket", [MODEL_STDIO] = "stdio", [MODEL_SCREEN] = "vc"};
    struct strv list = {0};

    strv_push(&list, names[chardev->backend]);
    add(&list, "id", chardev->id);
    add(&list, "path", chardev->path);
    if (chardev->listens)
        strv_push(&list, "server=on,wait=off");
    if (chardev->multiplexed)
        strv_push(&list, "mux=on,signal=off"); /* Ctrl-C, too, is the guest's */
    add(&list, "logfile", chardev->log);
    if (chardev->log)
        strv_push(&list, "logappend=on"); /* at the end, wherever others have moved it */
    if (chardev->backend == MODEL_SCREEN)
        strv_push(&list, "cols=80,rows=24");
    push_list(argv, "-chardev", &list);
}

static void write_monitor(const struct model_item *item, struct strv *argv)
{
    const struct model_chardev *chardev = &item->monitor.chardev;
    struct strv list = {0};

    if (!chardev->id) {
        char *path CLEANUP_FREE = qemuargv_escape(chardev->path);

        push(argv, "-qmp", xasprintf("unix:%s,server=on,wait=off", path));
        return;
    }
    push_chardev(argv, chardev);
    add(&list, "chardev", chardev->id);
    add(&list, "mode", item->monitor.control ? "control" : "readline");
    push_list(argv, "-mon", &list);
}

static void write_sandbox(const struct model_item *item, struct strv *argv)
{
    const struct model_sandbox *sandbox = &item->sandbox;

    push(argv, "-sandbox",
         xasprintf("on,obsolete=deny%s%s%s",
                   sandbox->deny_privileges ? ",elevateprivileges=deny" : "",
                   sandbox->deny_spawn ? ",spawn=deny" : "",
                   sandbox->deny_resource_control ? ",resourcecontrol=deny" : ""));
}

static void write_name(const struct model_item *item, struct strv *argv)
{
    push(argv, "-name", qemuargv_escape(item->text));
}

static void write_vnc(const struct model_item *item, struct strv *argv)
{
    char *path CLEANUP_FREE = qemuargv_escape(item->text);

    push(argv, "-display", xasprintf("vnc=unix:%s", path));
}

static void write_shared_memory(const struct model_item *item, struct strv *argv)
{
    const struct model_shared_memory *memory = &item->shared_memory;

    push(argv, "-object",
         xasprintf("memory-backend-memfd,id=%s,size=%" PRIu64 ",share=on", memory->id,
                   memory->bytes));
    push(argv, "-machine", xasprintf("memory-backend=%s", memory->id));
}

static void push_device(struct strv *argv, const char *driver, const char *id, const char *bus)
{
    struct strv list = {0};

    strv_push(&list, driver);
    add(&list, "id", id);
    add(&list, "bus", bus);
    push_list(argv, "-device", &list);
}

static void write_device(const struct model_item *item, struct strv *argv)
{
    push_device(argv, item->device.driver, item->device.id, item->device.bus);
}

static void write_card(const struct model_item *item, struct strv *argv)
{
    const struct model_card *card = &item->card;
    struct strv list = {0};

    strv_push(&list, card->driver ? card->driver : "nic");
    add(&list, "netdev", card->network);
    add(&list, "model", card->model);
    add(&list, "mac", card->mac);
    push_list(argv, card->driver ? "-device" : "-net", &list);
}

char *qemuargv_forward(const struct model_forward *forward)
{
    if (!forward->from_guest)
        return xasprintf("hostfwd=%s:%s:%" PRIu64 "-%s:%" PRIu64 ",", forward->protocol,
                         forward->host_address, forward->host_port, forward->guest_address,
                         forward->guest_port);
    char *helper CLEANUP_FREE = qemuargv_escape(forward->helper);
    return xasprintf("guestfwd=%s:%s:%" PRIu64 "-cmd:%s %s %" PRIu64 ",", forward->protocol,
                     forward->guest_address, forward->guest_port, helper, forward->host_address,
                     forward->host_port);
}

static void write_user_network(const struct model_network *network, struct strv *argv)
{
    struct strv parts CLEANUP_STRV = {0};

    strv_pushf(&parts, "user,id=%s,", network->id);
    for (size_t i = 0; i < network->forward_count; i++)
        strv_take(&parts, qemuargv_forward(&network->forwards[i]));
    if (network->restricted)
        strv_push(&parts, "restrict=on,");
    strv_push(&parts, network->options);
    push(argv, "-netdev", strv_join(&parts, ""));
}

static void write_network(const struct model_item *item, struct strv *argv)
{
    const struct model_network *network = &item->network;
    struct strv list = {0};

    if (!network->vde_socket) {
        write_user_network(network, argv);
        return;
    }
    strv_push(&list, "vde");
    add(&list, "id", network->id);
    add(&list, "sock", network->vde_socket);
    push_list(argv, "-netdev", &list);
}

static void push_bridge(struct strv *argv, const struct model_bus *bus)
{
    if (bus->bridge)
        push_device(argv, "pcie-pci-bridge", bus->id, NULL);
}

static void push_virtiofs(const struct model_share *share, struct strv *argv)
{
    const struct model_chardev chardev = {.id = share->id, .path = share->socket};
    struct strv list = {0};

    push_chardev(argv, &chardev);
    strv_push(&list, "vhost-user-fs-pci");
    add(&list, "chardev", share->id);
    add(&list, "tag", share->tag);
    add(&list, "bus", share->bus.id);
    push_list(argv, "-device", &list);
}

/* One export may span several filesystems (mounts, btrfs subvolumes, ZFS datasets), whose files
 * have equal inode numbers. QEMU would give them one identity, and a guest that caches by identity
 * reads one file's contents as another's: multidevs=remap numbers them anew. */
static void push_9p(const struct model_share *share, struct strv *argv)
{
    struct strv list = {0};

    strv_push(&list, "local");
    add(&list, "id", share->id);
    add(&list, "path", share->path);
    add(&list, "security_model", share->security_model);
    if (!share->id)
        add(&list, "mount_tag", share->tag);
    if (share->read_only)
        add(&list, "readonly", "on");
    add(&list, "multidevs", "remap");
    push_list(argv, share->id ? "-fsdev" : "-virtfs", &list);
    if (!share->id)
        return;
    /* -virtfs cannot say which bus the device is on */
    strv_push(&list, "virtio-9p-pci");
    add(&list, "fsdev", share->id);
    add(&list, "mount_tag", share->tag);
    add(&list, "bus", share->bus.id);
    push_list(argv, "-device", &list);
}

static void write_share(const struct model_item *item, struct strv *argv)
{
    push_bridge(argv, &item->share.bus);
    if (item->share.socket)
        push_virtiofs(&item->share, argv);
    else
        push_9p(&item->share, argv);
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct model_property *)a)->key, ((const struct model_property *)b)->key);
}

/* Appends the properties by key, bytewise, and empties them. */
static void push_properties(struct strv *list, struct model_properties *properties)
{
    if (properties->count > 0)
        qsort(properties->items, properties->count, sizeof *properties->items, compare_keys);
    for (size_t i = 0; i < properties->count; i++) {
        strv_pushf(list, "%s=%s", properties->items[i].key, properties->items[i].value);
        free(properties->items[i].key);
        free(properties->items[i].value);
    }
    free(properties->items);
    *properties = (struct model_properties){0};
}

/* Sets all of `more`. */
static void set_all(struct model_properties *properties, const struct model_properties *more)
{
    for (size_t i = 0; i < more->count; i++)
        model_set_property(properties, more->items[i].key, xstrdup(more->items[i].value));
}

/* Sets a property whose value is as QEMU reads it, unless there is none. */
static void set(struct model_properties *properties, const char *key, const char *value)
{
    if (value)
        model_set_property(properties, key, xstrdup(value));
}

static void push_backend(const struct model_drive *drive, struct strv *argv)
{
    struct model_properties properties = {0};
    struct strv list = {0};

    set_all(&properties, &drive->backend);
    model_set_property(&properties, "file", qemuargv_escape(drive->file));
    model_set_property(&properties, "id", xstrdup(drive->id));
    model_set_property(&properties, "if", xstrdup("none"));
    model_set_property(&properties, "index", xasprintf("%" PRIu64, drive->index));
    set(&properties, "format", drive->format);
    if (drive->read_only && !model_property(&drive->backend, "readonly"))
        set(&properties, "readonly", "on");
    if (drive->snapshot && !model_property(&drive->backend, "snapshot"))
        set(&properties, "snapshot", "on");
    push_properties(&list, &properties);
    push_list(argv, "-drive", &list);
}

static void write_drive(const struct model_item *item, struct strv *argv)
{
    const struct model_drive *drive = &item->drive;
    struct model_properties properties = {0};
    struct strv list = {0};

    push_backend(drive, argv);
    if (drive->controller)
        push_device(argv, drive->controller, NULL, NULL);
    push_bridge(argv, &drive->bus);
    set(&properties, "bus", drive->bus.id);
    set_all(&properties, &drive->device);
    set(&properties, "serial", drive->serial);
    set(&properties, "bootindex", drive->boot_index);
    set(&properties, "drive", drive->id);
    strv_push(&list, drive->driver);
    push_properties(&list, &properties);
    push_list(argv, "-device", &list);
}

static void write_channel(const struct model_item *item, struct strv *argv)
{
    const struct model_channel *channel = &item->channel;
    const struct model_chardev *chardev = &channel->chardev;
    const char *controller = channel->controller ? channel->controller : chardev->id;

    /* either order does */
    if (!chardev->listens)
        push_chardev(argv, chardev);
    if (!channel->controller)
        push_device(argv, "virtio-serial-pci", chardev->id, NULL);
    if (chardev->listens)
        push_chardev(argv, chardev);
    push(argv, "-device",
         xasprintf("virtserialport,bus=%s.0,chardev=%s,name=%s", controller, chardev->id,
                   channel->port));
}

static void write_resolution(const struct model_item *item, struct strv *argv)
{
    const struct model_resolution *resolution = &item->resolution;

    push(argv, "-global", xasprintf("%s.xres=%" PRIu64, resolution->driver, resolution->x));
    push(argv, "-global", xasprintf("%s.yres=%" PRIu64, resolution->driver, resolution->y));
}

static const char parameters_option[] = "-append";

static void write_kernel(const struct model_item *item, struct strv *argv)
{
    push(argv, "-kernel", xstrdup(item->kernel.image));
    push(argv, "-initrd", xstrdup(item->kernel.initrd));
    push(argv, parameters_option, xstrdup(item->kernel.parameters));
}

void qemuargv_replace_parameters(struct strv *argv, const char *old, const char *parameters)
{
    for (size_t i = 0; i + 1 < argv->count; i++)
        if (streq(argv->items[i], parameters_option) && streq(argv->items[i + 1], old)) {
            free(argv->items[i + 1]);
            argv->items[i + 1] = xstrdup(parameters);
            return;
        }
}

static void write_firmware(const struct model_item *item, struct strv *argv)
{
    char *code CLEANUP_FREE = qemuargv_escape(item->firmware.code);
    char *variables CLEANUP_FREE = qemuargv_escape(item->firmware.variables);

    push(argv, "-drive", xasprintf("if=pflash,format=raw,unit=0,readonly=on,file=%s", code));
    push(argv, "-drive", xasprintf("if=pflash,format=raw,unit=1,file=%s", variables));
    if (!item->firmware.smm)
        return;
    push(argv, "-machine", xstrdup("smm=on"));
    push(argv, "-global", xstrdup("driver=cfi.pflash01,property=secure,value=on"));
}

static void write_serial(const struct model_item *item, struct strv *argv)
{
    const struct model_chardev *chardev = &item->serial.chardev;

    if (!chardev->id) {
        push(argv, "-serial", xstrdup("mon:stdio"));
        return;
    }
    push_chardev(argv, chardev);
    push(argv, "-serial", xasprintf("chardev:%s", chardev->id));
}

static void write_debug_port(const struct model_item *item, struct strv *argv)
{
    const struct model_debug_port *port = &item->debug_port;

    push_chardev(argv, &port->chardev);
    push(argv, "-device",
         xasprintf("isa-debugcon,iobase=%#" PRIx64 ",readback=%#" PRIx64 ",chardev=%s",
                   port->address, port->readback, port->chardev.id));
}

static void write_credential(const struct model_item *item, struct strv *argv)
{
    const struct model_credential *credential = &item->credential;
    struct strv list = {0};

    if (credential->mechanism == MODEL_SMBIOS) {
        push(argv, "-smbios", xasprintf("type=11,path=%s", credential->path));
        return;
    }
    char *name CLEANUP_FREE = xasprintf("opt/io.systemd.credentials/%s", credential->name);
    add(&list, "name", name);
    add(&list, "file", credential->path);
    push_list(argv, "-fw_cfg", &list);
}

static void write_tpm(const struct model_item *item, struct strv *argv)
{
    const struct model_chardev *chardev = &item->tpm.chardev;
    struct strv list = {0};

    push_chardev(argv, chardev);
    push(argv, "-tpmdev", xasprintf("emulator,id=%s,chardev=%s", chardev->id, chardev->id));
    strv_push(&list, item->tpm.driver);
    add(&list, "tpmdev", chardev->id);
    push_list(argv, "-device", &list);
}

static void write_arguments(const struct model_item *item, struct strv *argv)
{
    strv_extend(argv, &item->words);
}

/* How an item is written: by a function; or as an option, with that value, or else the item's own
 * text or number, if it has one. */
static const struct {
    void (*write)(const struct model_item *item, struct strv *argv);
    const char *option;
    const char *value;
} writers[MODEL_KINDS] = {
    [MODEL_TYPE] = {.option = "-machine"},
    [MODEL_ACCELERATOR] = {.option = "-accel"},
    [MODEL_PROCESSOR] = {.option = "-cpu"},
    [MODEL_MONITOR] = {.write = write_monitor},
    [MODEL_SANDBOX] = {.write = write_sandbox},
    [MODEL_NAME] = {.write = write_name},
    [MODEL_MEMORY] = {.option = "-m"},
    [MODEL_CORES] = {.option = "-smp"},
    [MODEL_SHARED_MEMORY] = {.write = write_shared_memory},
    [MODEL_RANDOM] = {.write = write_device},
    [MODEL_CARD] = {.write = write_card},
    [MODEL_NETWORK] = {.write = write_network},
    [MODEL_NO_CARD] = {.option = "-nic", .value = "none"},
    [MODEL_SHARE] = {.write = write_share},
    [MODEL_CONTROLLER] = {.write = write_device},
    [MODEL_DRIVE] = {.write = write_drive},
    [MODEL_NO_REBOOT] = {.option = "-no-reboot"},
    [MODEL_CHANNEL] = {.write = write_channel},
    [MODEL_ADAPTER] = {.option = "-vga"},
    [MODEL_DISPLAY] = {.write = write_device},
    [MODEL_RESOLUTION] = {.write = write_resolution},
    [MODEL_USB] = {.option = "-usb"},
    [MODEL_INPUT] = {.write = write_device},
    [MODEL_KERNEL] = {.write = write_kernel},
    [MODEL_FIRMWARE] = {.write = write_firmware},
    [MODEL_BIOS] = {.option = "-bios"},
    [MODEL_HEADLESS] = {.option = "-nographic"},
    [MODEL_VNC] = {.write = write_vnc},
    [MODEL_QUIET_BIOS] = {.option = "-machine", .value = "graphics=on"},
    [MODEL_SERIAL] = {.write = write_serial},
    [MODEL_DEBUG_PORT] = {.write = write_debug_port},
    [MODEL_CREDENTIAL] = {.write = write_credential},
    [MODEL_TPM] = {.write = write_tpm},
    [MODEL_ARGUMENTS] = {.write = write_arguments},
};

static void write_option(const struct model_item *item, struct strv *argv)
{
    const struct model_field *own = model_records[item->kind].fields;
    const char *value = writers[item->kind].value;

    strv_push(argv, writers[item->kind].option);
    if (value)
        strv_push(argv, value);
    else if (own && own->type == MODEL_TEXT)
        strv_push(argv, item->text);
    else if (own)
        strv_pushf(argv, "%" PRIu64, item->number);
}

void qemuargv_write(const struct model *model, struct strv *argv)
{
    strv_push(argv, model->program);
    for (size_t i = 0; i < model->count; i++) {
        const struct model_item *item = &model->items[i];

        if (writers[item->kind].write)
            writers[item->kind].write(item, argv);
        else
            write_option(item, argv);
    }
}
