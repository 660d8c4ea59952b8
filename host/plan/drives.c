/* SPDX-License-Identifier: MIT */
/* Plans the drives: the image and the device of each. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/plan/planner.h"
#include "host/system/imageformat.h"
#include "host/system/path.h"

/* Names an option of the drive of this number, as messages do; the caller frees. */
static char *drive_option(size_t number, const char *key)
{
    return xasprintf("virtualisation.qemu.drives.<entry %zu>.%s", number, key);
}

/* A property of a drive that has a member of its own in the model. */
struct known_property {
    const char *key;
    char **member;
};

/* Adds the user's properties with their values expanded: each to its member of the model, if it is
 * among `known`, else to `properties`. `known` ends with an empty element. */
static void add_properties(struct planner *p, struct model_properties *properties,
                           const struct drive_options *given, const char *option,
                           const struct known_property *known)
{
    for (size_t i = 0; i < given->count; i++) {
        char *value = planner_expand_item(p, option, given->items[i].value);
        size_t j = 0;

        while (known[j].key && !streq(known[j].key, given->items[i].key))
            j++;
        if (known[j].key)
            *known[j].member = value;
        else
            model_set_property(properties, given->items[i].key, value);
    }
}

/* Free ports of q35's SATA controller: QEMU puts a CD drive on port 2. */
static const int q35_ports[] = {0, 1, 3, 4, 5};

#define AHCI_PORTS 6
#define AHCI_ID    "run-vm-ahci"

/* Chooses the SATA port of a drive: QEMU would put all drives on the first one. */
static void set_port(struct planner *p, struct model_drive *drive, size_t number)
{
    bool x86 = p->guest->family == FAMILY_X86;
    size_t most = x86 ? ELEMENTS(q35_ports) : AHCI_PORTS;

    if (x86 && !planner_has_own_machine(p))
        return;
    if (number > most)
        config_problem(p->config, "virtualisation.qemu.drives",
                       "has a drive %zu, expected at most %zu where "
                       "virtualisation.qemu.diskInterface is \"ide\"",
                       number, most);
    else if (x86)
        drive->bus.id = xasprintf("ide.%d", q35_ports[number - 1]);
    else
        drive->bus.id = xasprintf(AHCI_ID ".%zu", number - 1);
}

/* Number of virtio disks that are on the machine's own bus. */
#define DISKS_ON_MACHINE_BUS 8

/* Chooses the bus of a drive. With the system's own initrd the command stays that of nixpkgs'
 * qemu-vm.nix. */
static void set_bus(struct planner *p, struct model_drive *drive, size_t number)
{
    if (p->disks->ports && p->dialect->named_ports)
        set_port(p, drive, number);
    else if (p->disks->pci && p->dialect->bridges)
        drive->bus = planner_bus("run-vm-disks", DISKS_ON_MACHINE_BUS, number - 1);
}

/* Adds a SATA controller to a machine that is no PC, and so has none. */
static void add_ahci(struct planner *p)
{
    if (!p->disks->ports || !p->dialect->named_ports || p->guest->family == FAMILY_X86)
        return;
    model_add(&p->plan->machine,
              (struct model_item){.kind = MODEL_CONTROLLER,
                                  .device = {.driver = xstrdup("ahci"), .id = xstrdup(AHCI_ID)}});
}

/* Returns the file if `path` is the store image, which is in the cache and shared by all guests of
 * the system, else NULL. */
static const struct plan_file *find_store_image(const struct planner *p, const char *path)
{
    char *absolute CLEANUP_FREE = path_absolute(p->plan->cwd, path);

    for (size_t i = 0; i < p->plan->file_count; i++)
        if (p->plan->files[i].kind == FILE_STORE_IMAGE &&
            path_is_same(absolute, p->plan->files[i].path))
            return &p->plan->files[i];
    return NULL;
}

/* Keeps the guest's root from writing to the store image. IDE disks of QEMU cannot be read-only:
 * QEMU discards their writes, or, with the system's own initrd, the image is a copy (see files.c).
 */
static void protect_store_image(const struct planner *p, struct model_drive *drive)
{
    if (!p->disks->refuses_readonly) {
        model_remove_property(&drive->backend, "readonly");
        drive->read_only = true;
    } else if (p->dialect->snapshots) {
        model_remove_property(&drive->backend, "snapshot");
        drive->snapshot = true;
    }
}

/* Sets what follows from how the store image is made. */
static void set_store_image(const struct planner *p, struct model_drive *drive,
                            const struct plan_file *image)
{
    protect_store_image(p, drive);
    if (!image->packed)
        return;
    free(drive->format);
    drive->format = xstrdup("qcow2");
}

/* Requires the drive's file to exist, unless the user names a block driver: it may be no file then.
 */
static void need_file(struct planner *p, const struct drive *drive, const char *path,
                      const char *option)
{
    if (!drive_option_find(&drive->backend, "driver") &&
        !drive_option_find(&drive->backend, "file.driver"))
        planner_need_file(p, option, path);
}

static bool is_on(const char *value)
{
    static const char *const words[] = {"on", "yes", "true", "y"};

    for (size_t i = 0; value && i < ELEMENTS(words); i++)
        if (streq(words[i], value))
            return true;
    return false;
}

/* Reports a raw image that QEMU cannot, or perhaps should not, open as raw. */
static void report_format(struct planner *p, enum imageformat format, const char *path,
                          const char *header)
{
    if (format == IMAGE_AMBIGUOUS)
        config_problem(p->config, "virtualisation.qemu.drives",
                       "has %s, a block device that begins with the header of a %s image, which a "
                       "guest may have written, expected \"format\": \"raw\" or \"%s\" in "
                       "driveExtraOpts",
                       path, header, header);
    if (format == IMAGE_RAW_CHANGED)
        strv_pushf(&p->config->warnings,
                   "%s was raw when it was first used, and is given to QEMU as that, though it "
                   "begins with the header of a %s image, which a guest may have written. If it is "
                   "one: setfattr -x user.run-vm.format, or \"format\" in driveExtraOpts.",
                   path, header);
    if (format == IMAGE_RAW_NEVER)
        strv_pushf(&p->config->warnings,
                   "%s is a raw image, which cannot be recorded with it (extended attributes): "
                   "QEMU warns of it, and refuses some writes to its first sector. Say \"format\": "
                   "\"raw\" in driveExtraOpts.",
                   path);
}

/* True if the start replaces the file at `path` before QEMU opens it. */
static bool is_replaced(const struct planner *p, const char *path)
{
    for (size_t i = 0; i < p->plan->file_count; i++)
        if (p->plan->files[i].replace && path_is_same(path, p->plan->files[i].path))
            return true;
    return false;
}

/* Sets the format of a raw image, unless the user has set one. With the system's own initrd the
 * command stays that of nixpkgs' qemu-vm.nix. */
static void set_format(struct planner *p, struct model_drive *drive)
{
    bool written = !drive->read_only && !drive->snapshot;
    char *path CLEANUP_FREE = path_absolute(p->plan->cwd, drive->file);
    const char *header = NULL;

    if (!p->dialect->tells_raw || drive->format || model_property(&drive->backend, "driver") ||
        model_property(&drive->backend, "file.driver") || is_replaced(p, path))
        return;
    enum imageformat format = imageformat_find(path, &header);

    if (!written && (format == IMAGE_RAW_NEW || format == IMAGE_RAW_NEVER))
        format = IMAGE_RAW;
    report_format(p, format, path, header);
    if (format == IMAGE_RAW || format == IMAGE_RAW_NEW || format == IMAGE_RAW_CHANGED)
        drive->format = xstrdup("raw");
    if (format == IMAGE_RAW_NEW)
        strv_push(&p->plan->raw_images, path);
}

/* Fills in the backend: the image and how QEMU opens it. */
static void set_backend(struct planner *p, struct model_drive *drive, const struct drive *given,
                        size_t number)
{
    const struct known_property known[] = {{"format", &drive->format}, {0}};
    char *option CLEANUP_FREE = drive_option(number, "file");
    char *extra CLEANUP_FREE = drive_option(number, "driveExtraOpts");

    drive->file = planner_expand_path(p, option, given->file);
    need_file(p, given, drive->file, option);
    add_properties(p, &drive->backend, &given->backend, extra, known);
    drive->read_only = is_on(model_property(&drive->backend, "readonly"));
    drive->snapshot = is_on(model_property(&drive->backend, "snapshot"));
    const struct plan_file *image = find_store_image(p, drive->file);
    if (image)
        set_store_image(p, drive, image);
    set_format(p, drive);
}

static void add_drive(struct planner *p, const struct drive *given, size_t number)
{
    struct model_drive drive = {
        .id = xasprintf("drive%zu", number),
        .index = number,
        .driver = xstrdup(p->disks->device),
        .controller = xstrdup(p->disks->controller),
    };
    const struct known_property known[] = {
        {"serial", &drive.serial}, {"bootindex", &drive.boot_index}, {0}};
    char *extra CLEANUP_FREE = drive_option(number, "deviceExtraOpts");

    set_backend(p, &drive, given, number);
    set_bus(p, &drive, number);
    add_properties(p, &drive.device, &given->device, extra, known);
    model_add(&p->plan->machine, (struct model_item){.kind = MODEL_DRIVE, .drive = drive});
}

void plan_drives(struct planner *p)
{
    add_ahci(p);
    for (size_t i = 0; i < p->config->drives.count; i++)
        add_drive(p, &p->config->drives.items[i], i + 1);
}
