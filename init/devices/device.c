/* SPDX-License-Identifier: MIT */
#include "init/devices/device.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/strv.h"
#include "base/text.h"

/* The unit of sizes in /sys, whatever the device's sector size is. */
#define SECTOR 512

static const char *sys_root(const struct device_list *list)
{
    return list->roots.sys ? list->roots.sys : "/sys";
}

static const char *dev_root(const struct device_list *list)
{
    return list->roots.dev ? list->roots.dev : "/dev";
}

/* Reads `attribute` of device `name` in /sys into `buffer`, without trailing newlines and spaces.
 * Returns the length, less than `size`, or a negative errno. */
static ssize_t read_attribute(const struct device_list *list, const char *name,
                              const char *attribute, char *buffer, size_t size)
{
    char *path CLEANUP_FREE = xasprintf("%s/class/block/%s/%s", sys_root(list), name, attribute);
    int fd CLEANUP_CLOSE = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, buffer, size - 1);
    if (n < 0)
        return -errno;
    while (n > 0 && (buffer[n - 1] == '\n' || buffer[n - 1] == ' '))
        n--;
    buffer[n] = '\0';
    return n;
}

static uint64_t read_number(const struct device_list *list, const char *name, const char *attribute)
{
    char text[32];
    if (read_attribute(list, name, attribute, text, sizeof text) < 0)
        return 0;
    return strtoull(text, NULL, 10);
}

/* Returns the name of the disk of partition `name`, the parent directory in /sys; the caller frees.
 */
static char *name_of_disk(const struct device_list *list, const char *name)
{
    char target[4096];
    char *path CLEANUP_FREE = xasprintf("%s/class/block/%s", sys_root(list), name);
    ssize_t n = readlink(path, target, sizeof target - 1);
    if (n < 0)
        return NULL;
    target[n] = '\0';
    char *end = strrchr(target, '/');
    if (!end)
        return NULL;
    *end = '\0';
    char *start = strrchr(target, '/');
    return xstrdup(start ? start + 1 : target);
}

static bool is_numbered(const char *name, const char *prefix)
{
    const char *number = startswith(name, prefix);
    return number && *number >= '0' && *number <= '9';
}

static void free_device(struct device *d)
{
    device_forget(d);
    free(d->name);
    free(d->path);
    free(d->disk_name);
    free(d);
}

/* Makes a device from /sys; NULL for one without a size. */
static struct device *new_device(const struct device_list *list, const char *name)
{
    uint64_t size = read_number(list, name, "size") * SECTOR;
    if (!size)
        return NULL;
    struct device *d = xcalloc(1, sizeof *d);
    d->name = xstrdup(name);
    d->path = xasprintf("%s/%s", dev_root(list), name);
    for (char *c = d->path; (c = strchr(c, '!'));) /* "cciss!c0d0" is /dev/cciss/c0d0 */
        *c = '/';
    d->size = size;
    d->searched = !is_numbered(name, "ram") && !is_numbered(name, "fd");
    d->partition = (unsigned)read_number(list, name, "partition");
    d->disk_name = d->partition ? name_of_disk(list, name) : NULL;
    return d;
}

static struct device *by_name(const struct device_list *list, const char *name)
{
    for (size_t i = 0; name && i < list->count; i++)
        if (streq(list->items[i]->name, name))
            return list->items[i];
    return NULL;
}

static int compare(const void *left, const void *right)
{
    const struct device *a = *(struct device *const *)left;
    const struct device *b = *(struct device *const *)right;
    const char *a_disk = a->disk_name ? a->disk_name : a->name;
    const char *b_disk = b->disk_name ? b->disk_name : b->name;
    if (strlen(a_disk) != strlen(b_disk)) /* vdz, vdaa */
        return strlen(a_disk) < strlen(b_disk) ? -1 : 1;
    int order = strverscmp(a_disk, b_disk);
    return order ? order : (a->partition > b->partition) - (a->partition < b->partition);
}

/* Removes the devices whose name is not in `names`. */
static void drop_vanished(struct device_list *list, const struct strv *names)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        struct device *d = list->items[i];
        if (strv_contains(names, d->name))
            list->items[kept++] = d;
        else
            free_device(d);
    }
    list->count = kept;
}

static void add_new(struct device_list *list, const struct strv *names)
{
    for (size_t i = 0; i < names->count; i++) {
        struct device *d =
            by_name(list, names->items[i]) ? NULL : new_device(list, names->items[i]);
        if (d)
            ARRAY_PUSH(list->items, list->count, d);
    }
    if (list->count)
        qsort(list->items, list->count, sizeof(struct device *), compare);
    for (size_t i = 0; i < list->count; i++)
        list->items[i]->disk = by_name(list, list->items[i]->disk_name);
}

int device_list_refresh(struct device_list *list, struct error *e)
{
    struct strv names CLEANUP_STRV = {0};
    char *path CLEANUP_FREE = xasprintf("%s/class/block", sys_root(list));
    DIR *directory = opendir(path);
    if (!directory)
        return error_errno(e, errno, "%s: block devices cannot be listed", path);
    for (const struct dirent *entry; (entry = readdir(directory));)
        if (entry->d_name[0] != '.')
            strv_push(&names, entry->d_name);
    (void)closedir(directory);
    drop_vanished(list, &names);
    add_new(list, &names);
    return 0;
}

int device_probe(struct device *d, struct error *e)
{
    if (!d->probed) {
        struct error problem CLEANUP_ERROR = {0};
        d->probed = true;
        int fd CLEANUP_CLOSE = open(d->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
            (void)error_errno(&problem, errno, "%s: cannot be opened", d->path);
        else
            (void)probe_fd(fd, d->path, &d->probe, &problem);
        d->problem = TAKE(problem.message);
    }
    return d->problem ? error_set(e, -EIO, "%s", d->problem) : 0;
}

void device_forget(struct device *d)
{
    probe_free(&d->probe);
    free(d->problem);
    d->problem = NULL;
    d->probed = false;
}

/* Returns the entry of `d` in the partition table of its disk, or NULL. */
static const struct probe_partition *entry_of(const struct device *d)
{
    if (!d->disk || device_probe(d->disk, NULL) < 0)
        return NULL;
    const struct probe *table = &d->disk->probe;
    for (size_t i = 0; i < table->partition_count; i++)
        if (table->partitions[i].number == (int)d->partition)
            return &table->partitions[i];
    return NULL;
}

static bool same(const char *a, const char *b)
{
    return a && b && streq(a, b);
}

static bool same_uuid(const char *a, const char *b)
{
    return a && b && strcasecmp(a, b) == 0;
}

/* True if both paths lead to the same device (or, in tests, the same file). */
static bool same_node(const char *a, const char *b)
{
    struct stat x;
    struct stat y;
    if (stat(a, &x) < 0 || stat(b, &y) < 0)
        return false;
    if (S_ISBLK(x.st_mode) && S_ISBLK(y.st_mode))
        return x.st_rdev == y.st_rdev;
    return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Returns the serial number of a virtio, NVMe or SCSI disk, or NULL. The caller frees. */
static char *serial_of(const struct device_list *list, const char *disk)
{
    /* SCSI's vital product data, page 0x80, begins with four binary bytes */
    static const struct {
        const char *attribute;
        ssize_t skip;
    } sources[] = {{"serial", 0}, {"device/serial", 0}, {"device/vpd_pg80", 4}};
    char text[256];
    for (size_t i = 0; i < ELEMENTS(sources); i++) {
        ssize_t n = read_attribute(list, disk, sources[i].attribute, text, sizeof text);
        if (n <= sources[i].skip)
            continue;
        char *serial = text + sources[i].skip;
        serial += strspn(serial, " ");
        for (char *c = serial; (c = strchr(c, ' '));) /* as udev does */
            *c = '_';
        return xstrdup(serial);
    }
    return NULL;
}

/* True for "SERIAL", or with vendor and model before it: "QEMU_HARDDISK_SERIAL". */
static bool names_serial(const char *value, const char *serial)
{
    if (!*serial || !endswith(value, serial))
        return false;
    const char *found = value + strlen(value) - strlen(serial);
    return found == value || found[-1] == '_';
}

static bool matches_serial(const struct device_list *list, const struct device *d,
                           const struct devicespec *spec)
{
    if (d->partition != spec->partition)
        return false;
    char *serial CLEANUP_FREE = serial_of(list, d->disk_name ? d->disk_name : d->name);
    return serial && names_serial(spec->value, serial);
}

static bool matches(const struct device_list *list, struct device *d, const struct devicespec *spec)
{
    const struct probe_partition *entry;
    switch (spec->key) {
    case DEVICESPEC_PATH:
        return false; /* see by_path() */
    case DEVICESPEC_LABEL:
        return device_probe(d, NULL) == 0 && same(d->probe.label, spec->value);
    case DEVICESPEC_UUID:
        return device_probe(d, NULL) == 0 && same_uuid(d->probe.uuid, spec->value);
    case DEVICESPEC_PARTLABEL:
        entry = entry_of(d);
        return entry && same(entry->label, spec->value);
    case DEVICESPEC_PARTUUID:
        entry = entry_of(d);
        return entry && same_uuid(entry->uuid, spec->value);
    case DEVICESPEC_SERIAL:
        return matches_serial(list, d, spec);
    }
    return false;
}

static struct device *by_path(const struct device_list *list, const char *value)
{
    char *path CLEANUP_FREE = xasprintf("%s/%s", dev_root(list), value);
    for (size_t i = 0; i < list->count; i++)
        if (streq(list->items[i]->path, path))
            return list->items[i];
    for (size_t i = 0; i < list->count; i++)
        if (same_node(list->items[i]->path, path))
            return list->items[i];
    return NULL;
}

struct device *device_list_find(struct device_list *list, const struct devicespec *spec)
{
    if (spec->key == DEVICESPEC_PATH)
        return by_path(list, spec->value);
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i]->searched && matches(list, list->items[i], spec))
            return list->items[i];
    return NULL;
}

static char *describe_size(uint64_t bytes)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    size_t unit = 0;
    double value = (double)bytes;
    for (; value >= 1024 && unit + 1 < ELEMENTS(units); unit++)
        value /= 1024;
    bool whole = value >= 100 || value == (double)(uint64_t)value;
    return whole ? xasprintf("%.0f %s", value, units[unit])
                 : xasprintf("%.1f %s", value, units[unit]);
}

/* Appends "NAME VALUE" if there is a value. */
static void push_value(struct strv *parts, const char *name, const char *quote, const char *value)
{
    if (value)
        strv_pushf(parts, "%s %s%s%s", name, quote, value, quote);
}

static char *describe(struct device *d)
{
    struct strv parts CLEANUP_STRV = {0};
    char *size CLEANUP_FREE = describe_size(d->size);
    if (device_probe(d, NULL) < 0) /* `problem` begins with the path */
        return xasprintf("%s  %s  %s", d->path, size, d->problem + strlen(d->path) + strlen(": "));
    strv_take(&parts, probe_describe(&d->probe));
    push_value(&parts, "label", "\"", d->probe.label);
    push_value(&parts, "UUID", "", d->probe.uuid);
    const struct probe_partition *entry = entry_of(d);
    push_value(&parts, "partition label", "\"", entry ? entry->label : NULL);
    push_value(&parts, "partition UUID", "", entry ? entry->uuid : NULL);
    char *what CLEANUP_FREE = strv_join(&parts, ", ");
    return xasprintf("%s  %s  %s", d->path, size, what);
}

char *device_list_describe(struct device_list *list)
{
    struct strv lines CLEANUP_STRV = {0};
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i]->searched)
            strv_take(&lines, describe(list->items[i]));
    return lines.count ? strv_join(&lines, "\n") : xstrdup("no block devices");
}

void device_list_free(struct device_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free_device(list->items[i]);
    free(list->items);
    list->items = NULL;
    list->count = 0;
}
