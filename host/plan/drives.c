/* SPDX-License-Identifier: MIT */
/* Drives: each a -drive and its -device. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/plan/planner.h"
#include "host/system/imageformat.h"
#include "host/system/path.h"

/* KEY=VALUE of an option list. */
struct pair {
    const char *key;
    char *value; /* owned */
};

struct pairs {
    struct pair *items;
    size_t count;
};

/* Sets a key, instead of what it was. Takes the value. */
static void set_pair(struct pairs *pairs, const char *key, char *value)
{
    for (size_t i = 0; i < pairs->count; i++)
        if (streq(pairs->items[i].key, key)) {
            free(pairs->items[i].value);
            pairs->items[i].value = value;
            return;
        }
    pairs->items = xreallocarray(pairs->items, pairs->count + 1, sizeof *pairs->items);
    pairs->items[pairs->count++] = (struct pair){key, value};
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct pair *)a)->key, ((const struct pair *)b)->key);
}

/* "KEY=VALUE,…" by key, as bytes; the caller frees. Empties the pairs. */
static char *join_pairs(struct pairs *pairs)
{
    struct strv list CLEANUP_STRV = {0};

    qsort(pairs->items, pairs->count, sizeof *pairs->items, compare_keys);
    for (size_t i = 0; i < pairs->count; i++) {
        strv_pushf(&list, "%s=%s", pairs->items[i].key, pairs->items[i].value);
        free(pairs->items[i].value);
    }
    free(pairs->items);
    *pairs = (struct pairs){0};
    return strv_join(&list, ",");
}

/* NULL where the key is not set. */
static const char *get_pair(const struct pairs *pairs, const char *key)
{
    for (size_t i = 0; i < pairs->count; i++)
        if (streq(pairs->items[i].key, key))
            return pairs->items[i].value;
    return NULL;
}

/* A part of the drive of this number, as messages name it; the caller frees. */
static char *drive_option(size_t number, const char *key)
{
    return xasprintf("virtualisation.qemu.drives.<entry %zu>.%s", number, key);
}

/* The user's extra keys, their values expanded. */
static void add_extra(struct planner *p, struct pairs *pairs, const json_t *drive, size_t number,
                      const char *key)
{
    char *option CLEANUP_FREE = drive_option(number, key);
    json_t *given = json_object_get(drive, key);
    const char *name;
    json_t *value;

    json_object_foreach (given, name, value)
        set_pair(pairs, name, planner_expand_item(p, option, json_string_value(value)));
}

/* Of q35's own SATA ports QEMU has put a CD drive on the third. */
static const int q35_ports[] = {0, 1, 3, 4, 5};

#define AHCI_PORTS 6

/* The SATA port of a drive, which QEMU does not find by itself: all drives would go to the first.
 * With the system's own initrd the command stays the specification's (see plan-machine.c). */
static void set_port(struct planner *p, struct pairs *pairs, size_t number)
{
    bool x86 = p->guest->family == FAMILY_X86;
    size_t most = x86 ? ELEMENTS(q35_ports) : AHCI_PORTS;

    if (!p->disks->ports || !p->dialect->named_ports || (x86 && !planner_has_own_machine(p)))
        return;
    if (number > most)
        config_problem(p->config, "virtualisation.qemu.drives",
                       "has a drive %zu, expected at most %zu where "
                       "virtualisation.qemu.diskInterface is \"ide\"",
                       number, most);
    else if (x86)
        set_pair(pairs, "bus", xasprintf("ide.%d", q35_ports[number - 1]));
    else
        set_pair(pairs, "bus", xasprintf("run-vm-ahci.%zu", number - 1));
}

/* As many disks on virtio go without a bridge. */
#define DISKS_ON_MACHINE_BUS 8

/* The bus of a drive that is a PCI device by itself. With the system's own initrd the arguments are
 * the specification's, word for word. */
static void set_bus(struct planner *p, struct pairs *pairs, size_t number)
{
    if (!p->dialect->bridges || !p->disks->pci)
        return;
    char *bus = planner_bus(p, "run-vm-disks", DISKS_ON_MACHINE_BUS, number - 1);

    if (bus)
        set_pair(pairs, "bus", bus);
}

/* Machines but a PC have no SATA of their own. */
static void add_ahci(struct planner *p)
{
    if (!p->disks->ports || !p->dialect->named_ports || p->guest->family == FAMILY_X86)
        return;
    strv_push(&p->plan->argv, "-device");
    strv_push(&p->plan->argv, "ahci,id=run-vm-ahci");
}

/* Is it our store image, which lies in the cache and serves every guest of this system? */
static bool is_store_image(const struct planner *p, const char *path)
{
    char *absolute CLEANUP_FREE = path_absolute(p->plan->cwd, path);
    bool found = false;

    for (size_t i = 0; i < p->plan->file_count && !found; i++)
        found = p->plan->files[i].kind == FILE_STORE_IMAGE &&
                path_is_same(absolute, p->plan->files[i].path);
    return found;
}

/* Keeps root of the guest from writing to the store image. QEMU's IDE disks refuse to be read-only:
 * their writes go to a file of QEMU's own that nobody else sees, or, with the system's own initrd,
 * where the arguments are the specification's, to a copy of the image (see plan-files.c). */
static void protect_store_image(const struct planner *p, struct pairs *pairs)
{
    if (!p->disks->refuses_readonly)
        set_pair(pairs, "readonly", xstrdup("on"));
    else if (p->dialect->snapshots)
        set_pair(pairs, "snapshot", xstrdup("on"));
}

/* The drive's file must exist, where it is one: the user may have named a driver of QEMU's. */
static void need_file(struct planner *p, const json_t *drive, const char *path, const char *option)
{
    const json_t *extra = json_object_get(drive, "driveExtraOpts");

    if (!json_object_get(extra, "driver") && !json_object_get(extra, "file.driver"))
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

/* Reports a raw image that QEMU cannot, or perhaps should not, be given as raw. */
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

/* Whether what is there now will be replaced before QEMU looks. */
static bool is_replaced(const struct planner *p, const char *path)
{
    for (size_t i = 0; i < p->plan->file_count; i++)
        if (p->plan->files[i].replace && path_is_same(path, p->plan->files[i].path))
            return true;
    return false;
}

/* The format of a raw image, where nobody says it. With the system's own initrd the arguments are
 * the specification's, word for word. */
static void set_format(struct planner *p, struct pairs *pairs, const char *file)
{
    bool written = !is_on(get_pair(pairs, "readonly")) && !is_on(get_pair(pairs, "snapshot"));
    char *path CLEANUP_FREE = path_absolute(p->plan->cwd, file);
    const char *header = NULL;
    enum imageformat format;

    if (!p->dialect->tells_raw || get_pair(pairs, "format") || get_pair(pairs, "driver") ||
        get_pair(pairs, "file.driver") || is_replaced(p, path))
        return;
    format = imageformat_find(path, &header);
    if (!written && (format == IMAGE_RAW_NEW || format == IMAGE_RAW_NEVER))
        format = IMAGE_RAW;
    report_format(p, format, path, header);
    if (format == IMAGE_RAW || format == IMAGE_RAW_NEW || format == IMAGE_RAW_CHANGED)
        set_pair(pairs, "format", xstrdup("raw"));
    if (format == IMAGE_RAW_NEW)
        strv_push(&p->plan->raw_images, path);
}

static void add_drive(struct planner *p, const json_t *drive, size_t number)
{
    const char *file = json_string_value(json_object_get(drive, "file"));
    char *option CLEANUP_FREE = drive_option(number, "file");
    char *path CLEANUP_FREE = planner_expand_path(p, option, file);
    struct strv *argv = &p->plan->argv;
    struct pairs pairs = {0};
    char *device CLEANUP_FREE = NULL;

    need_file(p, drive, path, option);
    strv_push(&p->drive_files, path);
    add_extra(p, &pairs, drive, number, "driveExtraOpts");
    set_pair(&pairs, "file", path_double_commas(path));
    set_pair(&pairs, "id", xasprintf("drive%zu", number));
    set_pair(&pairs, "if", xstrdup("none"));
    set_pair(&pairs, "index", xasprintf("%zu", number));
    if (is_store_image(p, path))
        protect_store_image(p, &pairs);
    set_format(p, &pairs, path);
    const char *format = get_pair(&pairs, "format");
    strv_push(&p->drive_formats, format ? format : "");
    strv_push(argv, "-drive");
    strv_take(argv, join_pairs(&pairs));

    if (p->disks->controller) {
        strv_push(argv, "-device");
        strv_push(argv, p->disks->controller);
    }
    set_port(p, &pairs, number);
    set_bus(p, &pairs, number);
    add_extra(p, &pairs, drive, number, "deviceExtraOpts");
    set_pair(&pairs, "drive", xasprintf("drive%zu", number));
    device = join_pairs(&pairs);
    strv_push(argv, "-device");
    strv_pushf(argv, "%s,%s", p->disks->device, device);
}

void plan_drives(struct planner *p)
{
    json_t *drive;
    size_t i;

    add_ahci(p);
    json_array_foreach (config_get(p->config, "virtualisation.qemu.drives"), i, drive)
        add_drive(p, drive, i + 1);
}
