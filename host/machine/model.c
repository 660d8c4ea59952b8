/* SPDX-License-Identifier: MIT */
#include "host/machine/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/text.h"

#define FIELD(record, title, kind, member)                                                         \
    {                                                                                              \
        .name = (title), .type = (kind), .offset = offsetof(struct record, member)                 \
    }
#define TEXT(name, member)   FIELD(model_item, name, MODEL_TEXT, member)
#define FLAG(name, member)   FIELD(model_item, name, MODEL_FLAG, member)
#define NUMBER(name, member) FIELD(model_item, name, MODEL_NUMBER, member)
#define WORDS(name, member)  FIELD(model_item, name, MODEL_WORDS, member)

#define CHARDEV(member)                                                                            \
    {.name = "backend",                                                                            \
     .type = MODEL_CHOICE,                                                                         \
     .offset = offsetof(struct model_item, member.backend),                                        \
     .names = backends},                                                                           \
        TEXT("id", member.id), TEXT("socket", member.path), FLAG("listens", member.listens),       \
        FLAG("multiplexed", member.multiplexed), TEXT("log", member.log)

#define BUS(member) TEXT("bus", member.id), FLAG("bridge", member.bridge)

#define ARRAY(title, member, count, element)                                                       \
    {                                                                                              \
        .name = (title), .type = MODEL_ARRAY, .offset = offsetof(struct model_item, member),       \
        .count_offset = offsetof(struct model_item, count),                                        \
        .size = sizeof *((struct model_item *)NULL)->member, .fields = (element)                   \
    }

#define PROPERTIES(name, member) ARRAY(name, member.items, member.count, property)

#define FIELDS(...)                                                                                \
    (const struct model_field[])                                                                   \
    {                                                                                              \
        __VA_ARGS__,                                                                               \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

static const char *const backends[] = {
    [MODEL_SOCKET] = "socket", [MODEL_STDIO] = "stdio", [MODEL_SCREEN] = "screen"};

static const char *const mechanisms[] = {[MODEL_SMBIOS] = "smbios", [MODEL_FW_CFG] = "fw_cfg"};

static const struct model_field property[] = {
    FIELD(model_property, "key", MODEL_TEXT, key),
    FIELD(model_property, "value", MODEL_TEXT, value),
    {0},
};

static const struct model_field forward[] = {
    FIELD(model_forward, "fromGuest", MODEL_FLAG, from_guest),
    FIELD(model_forward, "protocol", MODEL_TEXT, protocol),
    FIELD(model_forward, "hostAddress", MODEL_TEXT, host_address),
    FIELD(model_forward, "hostPort", MODEL_NUMBER, host_port),
    FIELD(model_forward, "guestAddress", MODEL_TEXT, guest_address),
    FIELD(model_forward, "guestPort", MODEL_NUMBER, guest_port),
    FIELD(model_forward, "helper", MODEL_TEXT, helper),
    {0},
};

static const struct model_field text[] = {TEXT("", text), {0}};
static const struct model_field number[] = {NUMBER("", number), {0}};
static const struct model_field words[] = {WORDS("", words), {0}};
static const struct model_field device[] = {
    TEXT("driver", device.driver), TEXT("id", device.id), TEXT("bus", device.bus), {0}};

const struct model_record model_records[MODEL_KINDS] = {
    [MODEL_TYPE] = {"type", false, text},
    [MODEL_ACCELERATOR] = {"accelerator", false, text},
    [MODEL_PROCESSOR] = {"processor", false, text},
    [MODEL_MONITOR] = {"monitors", true,
                       FIELDS(CHARDEV(monitor.chardev), FLAG("control", monitor.control))},
    [MODEL_SANDBOX] = {"sandbox", false,
                       FIELDS(FLAG("denyPrivileges", sandbox.deny_privileges),
                              FLAG("denySpawn", sandbox.deny_spawn),
                              FLAG("denyResourceControl", sandbox.deny_resource_control))},
    [MODEL_NAME] = {"name", false, text},
    [MODEL_MEMORY] = {"memory", false, number},
    [MODEL_CORES] = {"cores", false, number},
    [MODEL_SHARED_MEMORY] = {"sharedMemory", false,
                             FIELDS(TEXT("id", shared_memory.id),
                                    NUMBER("bytes", shared_memory.bytes))},
    [MODEL_RANDOM] = {"random", true, device},
    [MODEL_CARD] = {"cards", true,
                    FIELDS(TEXT("network", card.network), TEXT("model", card.model),
                           TEXT("driver", card.driver), TEXT("mac", card.mac))},
    [MODEL_NETWORK] = {"networks", true,
                       FIELDS(TEXT("id", network.id), TEXT("vdeSocket", network.vde_socket),
                              ARRAY("forwards", network.forwards, network.forward_count, forward),
                              FLAG("restricted", network.restricted),
                              TEXT("options", network.options))},
    [MODEL_NO_CARD] = {"noDefaultCard", false, NULL},
    [MODEL_SHARE] = {"shares", true,
                     FIELDS(TEXT("tag", share.tag), TEXT("path", share.path),
                            FLAG("readOnly", share.read_only), BUS(share.bus), TEXT("id", share.id),
                            TEXT("securityModel", share.security_model),
                            TEXT("socket", share.socket))},
    [MODEL_CONTROLLER] = {"controllers", true, device},
    [MODEL_DRIVE] = {"drives", true,
                     FIELDS(TEXT("id", drive.id), NUMBER("index", drive.index),
                            TEXT("file", drive.file), TEXT("format", drive.format),
                            FLAG("readOnly", drive.read_only), FLAG("snapshot", drive.snapshot),
                            TEXT("driver", drive.driver), TEXT("controller", drive.controller),
                            BUS(drive.bus), TEXT("serial", drive.serial),
                            TEXT("bootIndex", drive.boot_index),
                            PROPERTIES("backend", drive.backend),
                            PROPERTIES("device", drive.device))},
    [MODEL_NO_REBOOT] = {"noReboot", false, NULL},
    [MODEL_CHANNEL] = {"channels", true,
                       FIELDS(CHARDEV(channel.chardev), TEXT("controller", channel.controller),
                              TEXT("port", channel.port))},
    [MODEL_ADAPTER] = {"adapter", false, text},
    [MODEL_DISPLAY] = {"displays", true, device},
    [MODEL_RESOLUTION] = {"resolution", false,
                          FIELDS(TEXT("driver", resolution.driver), NUMBER("x", resolution.x),
                                 NUMBER("y", resolution.y))},
    [MODEL_USB] = {"usb", false, NULL},
    [MODEL_INPUT] = {"inputs", true, device},
    [MODEL_KERNEL] = {"kernel", false,
                      FIELDS(TEXT("image", kernel.image), TEXT("initrd", kernel.initrd),
                             TEXT("parameters", kernel.parameters))},
    [MODEL_FIRMWARE] = {"firmware", false,
                        FIELDS(TEXT("code", firmware.code), TEXT("variables", firmware.variables),
                               FLAG("smm", firmware.smm))},
    [MODEL_BIOS] = {"bios", false, text},
    [MODEL_HEADLESS] = {"headless", false, NULL},
    [MODEL_VNC] = {"vnc", false, text},
    [MODEL_QUIET_BIOS] = {"quietBios", false, NULL},
    [MODEL_SERIAL] = {"serialLines", true, FIELDS(CHARDEV(serial.chardev))},
    [MODEL_DEBUG_PORT] = {"debugPorts", true,
                          FIELDS(CHARDEV(debug_port.chardev), NUMBER("address", debug_port.address),
                                 NUMBER("readback", debug_port.readback))},
    [MODEL_CREDENTIAL] = {"credentials", true,
                          FIELDS({.name = "mechanism",
                                  .type = MODEL_CHOICE,
                                  .offset = offsetof(struct model_item, credential.mechanism),
                                  .names = mechanisms},
                                 TEXT("name", credential.name), TEXT("path", credential.path))},
    [MODEL_TPM] = {"tpm", false, FIELDS(CHARDEV(tpm.chardev), TEXT("driver", tpm.driver))},
    [MODEL_ARGUMENTS] = {"arguments", true, words},
};

void model_add(struct model *model, struct model_item item)
{
    ARRAY_PUSH(model->items, model->count, item);
}

void model_add_arguments(struct model *model, const struct strv *arguments)
{
    if (!arguments->count)
        return;
    if (!model->count || model->items[model->count - 1].kind != MODEL_ARGUMENTS)
        model_add(model, (struct model_item){.kind = MODEL_ARGUMENTS});
    strv_extend(&model->items[model->count - 1].words, arguments);
}

struct model_item *model_find(const struct model *model, enum model_kind kind)
{
    for (size_t i = model->count; i-- > 0;)
        if (model->items[i].kind == kind)
            return &model->items[i];
    return NULL;
}

static struct model_property *find_property(const struct model_properties *properties,
                                            const char *key)
{
    for (size_t i = 0; i < properties->count; i++)
        if (streq(properties->items[i].key, key))
            return &properties->items[i];
    return NULL;
}

void model_set_property(struct model_properties *properties, const char *key, char *value)
{
    model_remove_property(properties, key);
    ARRAY_PUSH(properties->items, properties->count, (struct model_property){xstrdup(key), value});
}

const char *model_property(const struct model_properties *properties, const char *key)
{
    const struct model_property *found = find_property(properties, key);

    return found ? found->value : NULL;
}

void model_remove_property(struct model_properties *properties, const char *key)
{
    struct model_property *found = find_property(properties, key);

    if (!found)
        return;
    free(found->key);
    free(found->value);
    *found = properties->items[--properties->count];
}

static void free_fields(const struct model_field *field, char *record);

static void free_array(const struct model_field *field, char *record)
{
    char *items = *(char **)(void *)(record + field->offset);
    size_t count = *(size_t *)(void *)(record + field->count_offset);

    for (size_t i = 0; i < count; i++)
        free_fields(field->fields, items + i * field->size);
    free(items);
}

static void free_fields(const struct model_field *field, char *record)
{
    for (; field && field->name; field++) {
        void *value = record + field->offset;

        if (field->type == MODEL_TEXT)
            free(*(char **)value);
        else if (field->type == MODEL_WORDS)
            strv_free(value);
        else if (field->type == MODEL_ARRAY)
            free_array(field, record);
    }
}

void model_free(struct model *model)
{
    for (size_t i = 0; i < model->count; i++)
        free_fields(model_records[model->items[i].kind].fields, (char *)&model->items[i]);
    free(model->items);
    free(model->program);
    *model = (struct model){0};
}
