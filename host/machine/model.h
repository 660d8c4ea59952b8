/* SPDX-License-Identifier: MIT */
/* The virtual machine as data: everything that QEMU is asked for, and the user's own arguments.
 * host/plan/ fills it in, qemuargv.h writes it as QEMU's arguments, --dry-run=json prints it.
 *
 * Texts are plain, without QEMU's escapes, except those that are called "as QEMU reads it". Each is
 * owned by its record; NULL: the machine has none of it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/strv.h"

/* The backend of a character device. */
enum model_backend {
    MODEL_SOCKET, /* a Unix socket */
    MODEL_STDIO,  /* QEMU's standard input and output */
    MODEL_SCREEN, /* a text screen of QEMU's window */
};

struct model_chardev {
    enum model_backend backend;
    char *id;         /* NULL: QEMU names the device itself */
    char *path;       /* of the socket, relative to QEMU's directory */
    bool listens;     /* QEMU listens on the socket, and does not wait for a connection */
    bool multiplexed; /* Ctrl-A switches between several users of the device */
    char *log;        /* a file that also gets what the guest writes, relative likewise */
};

/* The bus of a PCI or SATA device; `id` NULL: QEMU chooses. */
struct model_bus {
    char *id;
    bool bridge; /* the bus is behind a PCI bridge, which is added with this device */
};

/* A device without a backend. */
struct model_device {
    char *driver;
    char *id;
    char *bus;
};

struct model_monitor {
    struct model_chardev chardev;
    bool control; /* QMP; otherwise for a person */
};

/* Always denies obsolete system calls. */
struct model_sandbox {
    bool deny_privileges;
    bool deny_spawn;
    bool deny_resource_control;
};

/* Memory that other processes can map. */
struct model_shared_memory {
    char *id;
    uint64_t bytes;
};

/* A network card. */
struct model_card {
    char *network; /* id of its network */
    char *model;   /* QEMU chooses the device of this model that suits the machine; or … */
    char *driver;  /* … the device itself */
    char *mac;
};

/* A forwarded port. */
struct model_forward {
    bool from_guest;     /* the guest connects to the host; otherwise the host to the guest */
    char *protocol;      /* "tcp" or "udp" */
    char *host_address;  /* as QEMU reads it */
    char *guest_address; /* as QEMU reads it */
    uint64_t host_port;
    uint64_t guest_port;
    char *helper; /* from the guest: the netcat that QEMU starts for each connection */
};

struct model_network {
    char *id;
    char *vde_socket; /* of the VDE switch; NULL: QEMU's user network */
    struct model_forward *forwards;
    size_t forward_count;
    bool restricted; /* the guest reaches neither the host nor the world */
    char *options;   /* the user's, as QEMU reads them */
};

/* A shared directory, by 9p or virtiofs. */
struct model_share {
    char *tag;
    char *path;
    bool read_only;
    struct model_bus bus;
    char *id;             /* of its backend; NULL: QEMU names it itself, and chooses the bus */
    char *security_model; /* of 9p */
    char *socket;         /* of virtiofs: of its server, relative to QEMU's directory */
};

/* KEY=VALUE, as QEMU reads it. */
struct model_property {
    char *key;
    char *value;
};

struct model_properties {
    struct model_property *items;
    size_t count;
};

/* A drive: its backend and its device. */
struct model_drive {
    char *id;
    uint64_t index;
    char *file;
    char *format; /* as QEMU reads it; NULL: QEMU finds out */
    bool read_only;
    bool snapshot;    /* QEMU discards what the guest writes */
    char *driver;     /* of its device */
    char *controller; /* driver of a controller that is added with it */
    struct model_bus bus;
    char *serial;                    /* as QEMU reads it */
    char *boot_index;                /* as QEMU reads it */
    struct model_properties backend; /* the user's others. They never change what is above … */
    struct model_properties device;  /* … but for the bus */
};

/* A channel to a program in the guest: a port of a virtio serial controller. */
struct model_channel {
    struct model_chardev chardev; /* its id is its own controller's, too */
    char *controller;             /* id of an earlier channel's, which it shares; NULL: its own */
    char *port;                   /* its name in the guest */
};

/* The resolution that a display adapter says it prefers. */
struct model_resolution {
    char *driver; /* the adapter's */
    uint64_t x;
    uint64_t y;
};

struct model_kernel {
    char *image;
    char *initrd;
    char *parameters;
};

/* EFI: two flash memories. */
struct model_firmware {
    char *code; /* read-only */
    char *variables;
    bool smm; /* only the firmware, in system management mode, writes to the variables */
};

/* The guest's serial line. */
struct model_serial {
    struct model_chardev chardev; /* multiplexed without an id: shared with QEMU's monitor */
};

/* An I/O port through which the guest writes into a socket. */
struct model_debug_port {
    struct model_chardev chardev;
    uint64_t address;
    uint64_t readback; /* the byte that reading the port returns */
};

/* A credential of the guest's systemd, which QEMU reads from a file. */
enum model_mechanism {
    MODEL_SMBIOS, /* the file has a string for the firmware's tables */
    MODEL_FW_CFG,
};

struct model_credential {
    enum model_mechanism mechanism;
    char *name;
    char *path;
};

/* A TPM, emulated by another process. */
struct model_tpm {
    struct model_chardev chardev; /* its id is the emulator's, too */
    char *driver;                 /* of its device */
};

/* Kinds of items. The member of struct model_item that has the value follows in brackets. */
enum model_kind {
    MODEL_TYPE,          /* type of the machine and its properties, as QEMU reads it [text] */
    MODEL_ACCELERATOR,   /* [text] */
    MODEL_PROCESSOR,     /* its model and features, as QEMU reads them [text] */
    MODEL_MONITOR,       /* [monitor] */
    MODEL_SANDBOX,       /* [sandbox] */
    MODEL_NAME,          /* [text] */
    MODEL_MEMORY,        /* in MiB [number] */
    MODEL_CORES,         /* [number] */
    MODEL_SHARED_MEMORY, /* the memory's backend [shared_memory] */
    MODEL_RANDOM,        /* source of random numbers [device] */
    MODEL_CARD,          /* [card] */
    MODEL_NETWORK,       /* [network] */
    MODEL_NO_CARD,       /* QEMU adds no card of its own [] */
    MODEL_SHARE,         /* [share] */
    MODEL_CONTROLLER,    /* [device] */
    MODEL_DRIVE,         /* [drive] */
    MODEL_NO_REBOOT,     /* QEMU ends where the guest restarts [] */
    MODEL_CHANNEL,       /* [channel] */
    MODEL_ADAPTER,       /* display adapter, one of QEMU's names for those of a PC [text] */
    MODEL_DISPLAY,       /* display adapter [device] */
    MODEL_RESOLUTION,    /* [resolution] */
    MODEL_USB,           /* the machine's own USB controller [] */
    MODEL_INPUT,         /* keyboard, pointer [device] */
    MODEL_KERNEL,        /* [kernel] */
    MODEL_FIRMWARE,      /* [firmware] */
    MODEL_BIOS,          /* path of the firmware [text] */
    MODEL_HEADLESS,      /* no display: the serial line is the guest's console [] */
    MODEL_VNC,           /* the display is served by VNC on this socket [text] */
    MODEL_QUIET_BIOS,    /* SeaBIOS keeps away from the serial line [] */
    MODEL_SERIAL,        /* [serial] */
    MODEL_DEBUG_PORT,    /* [debug_port] */
    MODEL_CREDENTIAL,    /* [credential] */
    MODEL_TPM,           /* [tpm] */
    MODEL_ARGUMENTS,     /* the user's own, as QEMU reads them [words] */
    MODEL_KINDS,
};

struct model_item {
    enum model_kind kind;
    union {
        char *text;
        uint64_t number;
        struct strv words;
        struct model_device device;
        struct model_monitor monitor;
        struct model_sandbox sandbox;
        struct model_shared_memory shared_memory;
        struct model_card card;
        struct model_network network;
        struct model_share share;
        struct model_drive drive;
        struct model_channel channel;
        struct model_resolution resolution;
        struct model_kernel kernel;
        struct model_firmware firmware;
        struct model_serial serial;
        struct model_debug_port debug_port;
        struct model_credential credential;
        struct model_tpm tpm;
    };
};

/* In the order of QEMU's command line, where later arguments may change what earlier ones mean. */
struct model {
    char *program; /* QEMU */
    struct model_item *items;
    size_t count;
};

/* Appends an item, whose texts become the model's. */
void model_add(struct model *model, struct model_item item);

/* Appends copies of arguments of the user: to the last item, if it has some already. */
void model_add_arguments(struct model *model, const struct strv *arguments);

/* The last item of this kind, or NULL. Valid until the next one is added. */
struct model_item *model_find(const struct model *model, enum model_kind kind);

/* Sets a property, instead of the value that it had. Takes the value. */
void model_set_property(struct model_properties *properties, const char *key, char *value);

/* The value of a property, or NULL. */
const char *model_property(const struct model_properties *properties, const char *key);

void model_remove_property(struct model_properties *properties, const char *key);

#define CLEANUP_MODEL CLEANUP(model_free)
void model_free(struct model *model);

/* A description of the records, for those who treat them all alike. */

enum model_type {
    MODEL_TEXT,   /* char * */
    MODEL_FLAG,   /* bool */
    MODEL_NUMBER, /* uint64_t */
    MODEL_CHOICE, /* an enum, whose values have names */
    MODEL_WORDS,  /* struct strv */
    MODEL_ARRAY,  /* pointer to records, and their number */
};

struct model_field {
    const char *name; /* NULL ends a list of fields; "": the field is all there is */
    enum model_type type;
    size_t offset;
    const char *const *names;         /* MODEL_CHOICE */
    size_t count_offset;              /* MODEL_ARRAY: of the number */
    size_t size;                      /* MODEL_ARRAY: of a record */
    const struct model_field *fields; /* MODEL_ARRAY: those of a record */
};

struct model_record {
    const char *name;
    bool many;                        /* a machine may have more than one */
    const struct model_field *fields; /* offsets are those in struct model_item; NULL: none */
};

extern const struct model_record model_records[MODEL_KINDS];
