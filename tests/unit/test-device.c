/* SPDX-License-Identifier: MIT */
/* Block devices by name, in a /sys and /dev of the test's own with images made by the real tools.
 */
#include "init/devices/device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "tests/unit/image.h"
#include "tests/unit/unit.h"

#define MIB ((uint64_t)1024 * 1024)

/* ---- specifications ---- */

static const struct {
    const char *text;
    enum devicespec_key key;
    const char *value;
    unsigned partition;
} good[] = {
    {"/dev/vda", DEVICESPEC_PATH, "vda", 0},
    {"/dev/mapper/root", DEVICESPEC_PATH, "mapper/root", 0},
    {"\"/dev/vda\"", DEVICESPEC_PATH, "vda", 0},
    {"LABEL=nixos", DEVICESPEC_LABEL, "nixos", 0},
    {"LABEL=\"my disk\"", DEVICESPEC_LABEL, "my disk", 0},
    {"LABEL='my disk'", DEVICESPEC_LABEL, "my disk", 0},
    {"LABEL=\"", DEVICESPEC_LABEL, "\"", 0},
    {"LABEL=a\\x20b", DEVICESPEC_LABEL, "a\\x20b", 0},
    {"UUID=0D1E-77AA", DEVICESPEC_UUID, "0D1E-77AA", 0},
    {"PARTLABEL=EFI System", DEVICESPEC_PARTLABEL, "EFI System", 0},
    {"PARTUUID=deadbeef-01", DEVICESPEC_PARTUUID, "deadbeef-01", 0},
    {"/dev/disk/by-label/my\\x20disk", DEVICESPEC_LABEL, "my disk", 0},
    {"/dev/disk/by-label/a\\x2fb\\x2Fc", DEVICESPEC_LABEL, "a/b/c", 0},
    {"/dev/disk/by-label/a\\x00b\\xzz\\x2", DEVICESPEC_LABEL, "a\\x00b\\xzz\\x2", 0},
    {"/dev/disk/by-uuid/0d1e", DEVICESPEC_UUID, "0d1e", 0},
    {"/dev/disk/by-partlabel/x", DEVICESPEC_PARTLABEL, "x", 0},
    {"/dev/disk/by-partuuid/x", DEVICESPEC_PARTUUID, "x", 0},
    {"/dev/disk/by-id/virtio-root", DEVICESPEC_SERIAL, "root", 0},
    {"/dev/disk/by-id/virtio-my-disk-part12", DEVICESPEC_SERIAL, "my-disk", 12},
    {"/dev/disk/by-id/virtio-x-part2-part3", DEVICESPEC_SERIAL, "x-part2", 3},
    {"/dev/disk/by-id/virtio-x-party", DEVICESPEC_SERIAL, "x-party", 0},
    {"/dev/disk/by-id/virtio-x-part", DEVICESPEC_SERIAL, "x-part", 0},
};

static void every_way_to_name_a_device_is_understood(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(good); i++) {
        struct devicespec spec CLEANUP_DEVICESPEC = {0};
        assert_int_equal(devicespec_parse(good[i].text, &spec, NULL), 0);
        assert_int_equal(spec.key, good[i].key);
        assert_string_equal(spec.value, good[i].value);
        assert_int_equal(spec.partition, good[i].partition);
        assert_true(devicespec_is_device(good[i].text));
    }
}

static void what_names_no_device_is_refused_in_words(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",          "tmpfs",   "none",          "nix-store",   "/dev/",
        "/devices",  "LABEL=",  "UUID=\"\"",     "label=x",     "/dev/disk/by-path/pci-0000",
        "ID=virtio", "/dev",    "/mnt/disk.img", "overlay",     "/dev/disk/by-label/",
        "LABEL",     "UUID=''", "PARTLABEL=",    "/dev/disk/x", "/dev/disk/by-id/virtio-",
    };
    for (size_t i = 0; i < ELEMENTS(bad); i++) {
        struct error e CLEANUP_ERROR = {0};
        struct devicespec spec CLEANUP_DEVICESPEC = {0};
        assert_int_equal(devicespec_parse(bad[i], &spec, &e), -EINVAL);
        assert_null(spec.value);
        assert_error_names(e, bad[i]);
    }
    assert_false(devicespec_is_device("tmpfs"));
    assert_false(devicespec_is_device("nix-store"));
    assert_false(devicespec_is_device("/dev/"));
}

/* ---- devices ---- */

/* A directory with sys/class/block, sys/devices and dev. */
struct machine {
    char root[64];
    char *sys;
    char *dev;
};

__attribute__((format(printf, 2, 3))) static char *in(const struct machine *m, const char *format,
                                                      ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *tail CLEANUP_FREE = xvasprintf(format, arguments);
    va_end(arguments);
    return xasprintf("%s/%s", m->root, tail);
}

static void make_directory(const struct machine *m, const char *path)
{
    char *whole CLEANUP_FREE = in(m, "%s", path);
    assert_int_equal(IMAGE_RUN("mkdir", "-p", whole), 0);
}

static void write_file(const struct machine *m, const char *path, const char *text)
{
    char *whole CLEANUP_FREE = in(m, "%s", path);
    FILE *file CLEANUP_FCLOSE = fopen(whole, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
}

static int start_machine(void **state)
{
    struct machine *m = xcalloc(1, sizeof *m);
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(m->root, sizeof m->root, "%s/devices.XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(m->root))
        return -1;
    m->sys = in(m, "sys");
    m->dev = in(m, "dev");
    make_directory(m, "sys/class/block");
    make_directory(m, "dev");
    *state = m;
    return 0;
}

static int end_machine(void **state)
{
    struct machine *m = *state;
    assert_int_equal(IMAGE_RUN("rm", "-rf", m->root), 0);
    free(m->sys);
    free(m->dev);
    free(m);
    return 0;
}

static struct device_list list_of(const struct machine *m)
{
    return (struct device_list){.roots = {.sys = m->sys, .dev = m->dev}};
}

/* Plugs in a device of `size` bytes: "vda", or "vda/vda1" for partition 1 of vda. The caller
 * frees the path of its node. */
static char *plug(const struct machine *m, const char *place, uint64_t size, unsigned partition)
{
    const char *slash = strrchr(place, '/');
    const char *name = slash ? slash + 1 : place;
    char *directory CLEANUP_FREE = xasprintf("sys/devices/%s", place);
    make_directory(m, directory);
    char *file CLEANUP_FREE = xasprintf("%s/size", directory);
    char *sectors CLEANUP_FREE = xasprintf("%llu\n", (unsigned long long)size / 512);
    write_file(m, file, sectors);
    if (partition) {
        char *number_file CLEANUP_FREE = xasprintf("%s/partition", directory);
        char *number CLEANUP_FREE = xasprintf("%u\n", partition);
        write_file(m, number_file, number);
    }
    char *target CLEANUP_FREE = xasprintf("../../devices/%s", place);
    char *link CLEANUP_FREE = in(m, "sys/class/block/%s", name);
    assert_int_equal(symlink(target, link), 0);
    char *node = in(m, "dev/%s", name);
    int fd CLEANUP_CLOSE = open(node, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    return node;
}

static void unplug(const struct machine *m, const char *name)
{
    char *link CLEANUP_FREE = in(m, "sys/class/block/%s", name);
    assert_int_equal(unlink(link), 0);
}

/* The name of what `text` means in `list`, "none" when there is nothing. */
static const char *found(struct device_list *list, const char *text)
{
    struct devicespec spec CLEANUP_DEVICESPEC = {0};
    assert_int_equal(devicespec_parse(text, &spec, NULL), 0);
    const struct device *d = device_list_find(list, &spec);
    return d ? d->name : "none";
}

#define EXT4_UUID "0d1e77aa-0000-4000-8000-000000000001"

/* vda: ext4; vdb: GPT with a vfat and a swap; vdc: MBR; vdd: blank. */
static void plug_four_disks(const struct machine *m)
{
    char *vda CLEANUP_FREE = plug(m, "vda", 8 * MIB, 0);
    char *vdb CLEANUP_FREE = plug(m, "vdb", 64 * MIB, 0);
    char *vdb1 CLEANUP_FREE = plug(m, "vdb/vdb1", 20 * MIB, 1);
    char *vdb2 CLEANUP_FREE = plug(m, "vdb/vdb2", 10 * MIB, 2);
    char *vdc CLEANUP_FREE = plug(m, "vdc", 16 * MIB, 0);
    free(plug(m, "vdc/vdc1", 8 * MIB, 1));
    free(plug(m, "vdd", 1536 * MIB, 0));
    assert_int_equal(IMAGE_RUN("mke2fs", "-Fqt", "ext4", "-L", "my disk", "-U", EXT4_UUID, vda), 0);
    assert_int_equal(IMAGE_RUN("sgdisk", "-n1:1M:+20M", "-c1:EFI System",
                               "-u1:AAAAAAAA-1111-4111-8111-111111111111", "-n2:0:+10M", "-c2:swap",
                               "-u2:BBBBBBBB-1111-4111-8111-111111111111", vdb),
                     0);
    assert_int_equal(IMAGE_RUN("mkfs.vfat", "-n", "BOOT", "-i", "1234ABCD", vdb1), 0);
    assert_int_equal(IMAGE_RUN("mkswap", "-L", "swap", vdb2), 0);
    assert_int_equal(
        IMAGE_RUN("sh", "-c",
                  "printf 'label: dos\nlabel-id: 0xdeadbeef\n1M,8M\n' | sfdisk -q \"$0\"", vdc),
        0);
}

static void devices_are_found_by_each_of_their_names(void **state)
{
    struct machine *m = *state;
    static const struct {
        const char *text;
        const char *name;
    } rows[] = {
        {"/dev/vda", "vda"},
        {"/dev/vdb2", "vdb2"},
        {"/dev/vde", "none"},
        {"/dev/mapper/root", "vdb1"},
        {"/dev/gone", "none"},
        {"LABEL=my disk", "vda"},
        {"LABEL=MY DISK", "none"},
        {"/dev/disk/by-label/my\\x20disk", "vda"},
        {"LABEL=BOOT", "vdb1"},
        {"LABEL=swap", "vdb2"},
        {"UUID=" EXT4_UUID, "vda"},
        {"UUID=0D1E77AA-0000-4000-8000-000000000001", "vda"},
        {"UUID=1234-abcd", "vdb1"},
        {"PARTLABEL=EFI System", "vdb1"},
        {"PARTLABEL=swap", "vdb2"},
        {"PARTLABEL=my disk", "none"},
        {"PARTUUID=aaaaaaaa-1111-4111-8111-111111111111", "vdb1"},
        {"PARTUUID=BBBBBBBB-1111-4111-8111-111111111111", "vdb2"},
        {"PARTUUID=deadbeef-01", "vdc1"},
        {"PARTUUID=deadbeef-02", "none"},
        {"/dev/disk/by-id/virtio-first", "vda"},
        {"/dev/disk/by-id/virtio-second", "vdb"},
        {"/dev/disk/by-id/virtio-second-part2", "vdb2"},
        {"/dev/disk/by-id/virtio-second-part3", "none"},
        {"/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_third", "vdc"},
        {"/dev/disk/by-id/nvme-QEMU_NVMe_Ctrl_number_4", "vdd"},
        {"/dev/disk/by-id/virtio-econd", "none"},
        {"/dev/disk/by-id/virtio-xsecond", "none"},
    };
    plug_four_disks(m);
    char *link CLEANUP_FREE = in(m, "dev/mapper/root");
    make_directory(m, "dev/mapper");
    assert_int_equal(symlink("../vdb1", link), 0);
    make_directory(m, "sys/devices/vdc/device");
    make_directory(m, "sys/devices/vdd/device");
    write_file(m, "sys/devices/vda/serial", "first");
    write_file(m, "sys/devices/vdb/serial", "second");
    write_file(m, "sys/devices/vdc/device/vpd_pg80", "\1\x80\1\5third");
    write_file(m, "sys/devices/vdd/device/serial", "number 4            \n");

    struct device_list list CLEANUP_DEVICE_LIST = list_of(m);
    assert_int_equal(device_list_refresh(&list, NULL), 0);
    for (size_t i = 0; i < ELEMENTS(rows); i++)
        if (!streq(found(&list, rows[i].text), rows[i].name))
            fail_msg("%s is %s, not %s", rows[i].text, found(&list, rows[i].text), rows[i].name);
}

static void a_device_found_has_been_probed_once_and_for_all(void **state)
{
    struct machine *m = *state;
    plug_four_disks(m);
    struct device_list list CLEANUP_DEVICE_LIST = list_of(m);
    assert_int_equal(device_list_refresh(&list, NULL), 0);

    struct devicespec path CLEANUP_DEVICESPEC = {0};
    assert_int_equal(devicespec_parse("/dev/vdb1", &path, NULL), 0);
    struct device *d = device_list_find(&list, &path);
    assert_non_null(d);
    assert_false(d->probed); /* a path says all that is needed */

    assert_int_equal(device_probe(d, NULL), 0);
    assert_string_equal(d->probe.type, "vfat");
    assert_string_equal(d->probe.label, "BOOT");
    assert_string_equal(d->probe.uuid, "1234-ABCD");
    assert_true(probe_is_filesystem(&d->probe));
    assert_int_equal(truncate(d->path, 0), 0); /* a known device is not probed again */
    assert_string_equal(found(&list, "LABEL=BOOT"), "vdb1");
    device_forget(d);
    assert_string_equal(found(&list, "LABEL=BOOT"), "none");
}

static void the_first_of_two_with_one_label_is_taken_and_the_rest_left_alone(void **state)
{
    struct machine *m = *state;
    char *vdb CLEANUP_FREE = plug(m, "vdb", 8 * MIB, 0);
    char *vdaa CLEANUP_FREE = plug(m, "vdaa", 8 * MIB, 0);
    assert_int_equal(IMAGE_RUN("mke2fs", "-Fqt", "ext4", "-L", "twin", vdaa), 0);
    assert_int_equal(IMAGE_RUN("mke2fs", "-Fqt", "ext4", "-L", "twin", vdb), 0);
    struct device_list list CLEANUP_DEVICE_LIST = list_of(m);
    assert_int_equal(device_list_refresh(&list, NULL), 0);
    assert_string_equal(found(&list, "LABEL=twin"), "vdb");
    assert_false(list.items[1]->probed);
}

static void devices_come_and_go(void **state)
{
    struct machine *m = *state;
    struct device_list list CLEANUP_DEVICE_LIST = list_of(m);
    assert_int_equal(device_list_refresh(&list, NULL), 0);
    assert_int_equal(list.count, 0);

    free(plug(m, "vdb", 8 * MIB, 0));
    free(plug(m, "sr0", 0, 0)); /* no medium */
    assert_int_equal(device_list_refresh(&list, NULL), 0);
    assert_int_equal(list.count, 1);
    struct device *first = list.items[0];
    assert_string_equal(first->name, "vdb");
    assert_int_equal(first->size, 8 * MIB);

    free(plug(m, "vda", 8 * MIB, 0));
    free(plug(m, "vdb/vdb1", MIB, 1));
    assert_int_equal(device_list_refresh(&list, NULL), 0);
    assert_int_equal(list.count, 3);
    assert_string_equal(list.items[0]->name, "vda");
    assert_ptr_equal(list.items[1], first);
    assert_ptr_equal(list.items[2]->disk, first);

    unplug(m, "vdb");
    assert_int_equal(device_list_refresh(&list, NULL), 0);
    assert_int_equal(list.count, 2);
    assert_null(list.items[1]->disk);
    assert_string_equal(found(&list, "PARTLABEL=x"), "none");
}

static void ram_disks_and_floppies_are_only_meant_by_path(void **state)
{
    struct machine *m = *state;
    char *ram0 CLEANUP_FREE = plug(m, "ram0", 8 * MIB, 0);
    free(plug(m, "fd0", 1440 * 1024, 0));
    assert_int_equal(IMAGE_RUN("mke2fs", "-Fqt", "ext4", "-L", "ram", ram0), 0);
    struct device_list list CLEANUP_DEVICE_LIST = list_of(m);
    assert_int_equal(device_list_refresh(&list, NULL), 0);
    assert_string_equal(found(&list, "LABEL=ram"), "none");
    assert_string_equal(found(&list, "/dev/ram0"), "ram0");
    char *text CLEANUP_FREE = device_list_describe(&list);
    assert_string_equal(text, "no block devices");
}

static void the_list_says_what_every_device_holds(void **state)
{
    struct machine *m = *state;
    plug_four_disks(m);
    free(plug(m, "cciss!c0d0", 8 * MIB, 0));
    struct device_list list CLEANUP_DEVICE_LIST = list_of(m);
    assert_int_equal(device_list_refresh(&list, NULL), 0);
    char *text CLEANUP_FREE = device_list_describe(&list);
    struct devicespec spec CLEANUP_DEVICESPEC = {0};
    assert_int_equal(devicespec_parse("/dev/vdb2", &spec, NULL), 0);
    struct device *swap = device_list_find(&list, &spec);
    struct device *table = swap->disk;
    char *expected CLEANUP_FREE = xasprintf(
        "%1$s/vda  8 MiB  ext4 filesystem, label \"my disk\", UUID " EXT4_UUID "\n"
        "%1$s/vdb  64 MiB  gpt partition table\n"
        "%1$s/vdb1  20 MiB  vfat filesystem, label \"BOOT\", UUID 1234-ABCD, partition label \"EFI "
        "System\", partition UUID aaaaaaaa-1111-4111-8111-111111111111\n"
        "%1$s/vdb2  10 MiB  swap, label \"swap\", UUID %2$s, partition label \"swap\", partition "
        "UUID bbbbbbbb-1111-4111-8111-111111111111\n"
        "%1$s/vdc  16 MiB  dos partition table\n"
        "%1$s/vdc1  8 MiB  nothing known, partition UUID deadbeef-01\n"
        "%1$s/vdd  1.5 GiB  nothing known\n"
        "%1$s/cciss/c0d0  8 MiB  cannot be opened: No such file or directory",
        m->dev, swap->probe.uuid);
    assert_int_equal(table->probe.partition_count, 2);
    assert_string_equal(text, expected);
}

static void without_sys_there_is_a_reason(void **state)
{
    (void)state;
    struct device_list list CLEANUP_DEVICE_LIST = {.roots = {.sys = "/nowhere"}};
    struct error e CLEANUP_ERROR = {0};
    assert_int_equal(device_list_refresh(&list, &e), -ENOENT);
    assert_error_names(e, "/nowhere/class/block", "No such file or directory");
}

#define WITH_MACHINE(test) cmocka_unit_test_setup_teardown(test, start_machine, end_machine)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_to_name_a_device_is_understood),
        cmocka_unit_test(what_names_no_device_is_refused_in_words),
        WITH_MACHINE(devices_are_found_by_each_of_their_names),
        WITH_MACHINE(a_device_found_has_been_probed_once_and_for_all),
        WITH_MACHINE(the_first_of_two_with_one_label_is_taken_and_the_rest_left_alone),
        WITH_MACHINE(devices_come_and_go),
        WITH_MACHINE(ram_disks_and_floppies_are_only_meant_by_path),
        WITH_MACHINE(the_list_says_what_every_device_holds),
        cmocka_unit_test(without_sys_there_is_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
