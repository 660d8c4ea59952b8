/* SPDX-License-Identifier: MIT */
/* The device of a mount by label whose disk may still be blank. */
#include "init/mount/mountdevice.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "tests/unit/image.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

#define SIZE (16 * 1024 * 1024)

/* Makes disk `place` ("vda", or "vda/vda1" for its partition), prepared by a shell command on $0.
 */
static void plug(const char *machine, const char *place, const char *command)
{
    const char *slash = strrchr(place, '/');
    const char *name = slash ? slash + 1 : place;
    char *directory CLEANUP_FREE = xasprintf("%s/sys/devices/%s", machine, place);
    char *size CLEANUP_FREE = xasprintf("sys/devices/%s/size", place);
    char *partition CLEANUP_FREE = xasprintf("sys/devices/%s/partition", place);
    char *link CLEANUP_FREE = xasprintf("%s/sys/class/block/%s", machine, name);
    char *node CLEANUP_FREE = xasprintf("%s/dev/%s", machine, name);
    scratch_run("mkdir", "-p", directory);
    scratch_write(machine, size, "32768\n");
    if (slash)
        scratch_write(machine, partition, "1\n");
    assert_int_equal(symlink(directory, link), 0);
    int fd CLEANUP_CLOSE = open(node, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(ftruncate(fd, SIZE), 0);
    if (command)
        assert_int_equal(IMAGE_RUN("sh", "-c", command, node), 0);
}

#define EXT4(label)  "mke2fs -Fqt ext4 -L '" label "' $0"
#define PARTITIONED  "printf 'label: dos\\n1M,8M\\n' | sfdisk -q $0"
#define UNKNOWN_DATA "echo data | dd of=$0 bs=1M seek=3 conv=notrunc status=none"

/* Disks in their order, and the device that LABEL=nixos with x-run-vm.disk=/dev/vda is. */
static const struct {
    const char *about;
    struct {
        const char *place;
        const char *command;
    } disks[3];
    const char *found;
    const char *missing;
} rows[] = {
    {"a blank disk", {{"vda", NULL}}, "vda", ""},
    {"not another blank disk", {{"vdb", NULL}}, NULL, "/dev/vda"},
    {"a disk of an earlier start", {{"vda", EXT4("nixos")}, {"vdb", EXT4("nixos")}}, "vda", ""},
    {"not a stranger's, whose disk comes first",
     {{"sda", EXT4("nixos")}, {"vda", NULL}},
     "vda",
     ""},
    {"its partition",
     {{"sda", EXT4("nixos")}, {"vda", PARTITIONED}, {"vda/vda1", EXT4("nixos")}},
     "vda1",
     ""},
    {"one of an older release, without a label", {{"vda", EXT4("")}}, "vda", ""},
    {"not one without a label of another type",
     {{"vda", "mke2fs -Fqt ext2 $0"}},
     NULL,
     "LABEL=nixos"},
    {"not one with another label", {{"vda", EXT4("data")}}, NULL, "LABEL=nixos"},
    {"the label elsewhere if the disk holds something else",
     {{"vda", EXT4("data")}, {"vdb", EXT4("nixos")}},
     "vdb",
     ""},
    {"unknown data is for the format to refuse", {{"vda", UNKNOWN_DATA}}, "vda", ""},
    {"the disk is waited for even if the label is there",
     {{"vdb", EXT4("nixos")}},
     "vdb",
     "/dev/vda"},
};

static void a_blank_disk_has_a_name_before_it_has_a_label(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(rows); i++) {
        char *machine CLEANUP_SCRATCH = scratch_new();
        char *sys CLEANUP_FREE = scratch_path(machine, "sys");
        char *dev CLEANUP_FREE = scratch_path(machine, "dev");
        char *class CLEANUP_FREE = scratch_path(machine, "sys/class/block");
        scratch_run("mkdir", "-p", class, dev);
        for (size_t j = 0; j < ELEMENTS(rows[i].disks) && rows[i].disks[j].place; j++)
            plug(machine, rows[i].disks[j].place, rows[i].disks[j].command);
        struct device_list list CLEANUP_DEVICE_LIST = {.roots = {.sys = sys, .dev = dev}};
        assert_int_equal(device_list_refresh(&list, NULL), 0);
        struct plan_mount mount = {.source = PLAN_DEVICE,
                                   .what = xstrdup("LABEL=nixos"),
                                   .fstype = xstrdup("ext4"),
                                   .options = {.makefs = true, .disk = xstrdup("/dev/vda")}};
        const struct device *found = mountdevice_find(&list, &mount);
        struct strv missing CLEANUP_STRV = {0};
        mountdevice_missing(&list, &mount, &missing);
        char *names CLEANUP_FREE = strv_join(&missing, ",");
        if (!streq(found ? found->name : "none", rows[i].found ? rows[i].found : "none") ||
            !streq(names, rows[i].missing))
            fail_msg("%s: found %s, missing \"%s\"", rows[i].about, found ? found->name : "none",
                     names);
        free(mount.what);
        free(mount.fstype);
        free(mount.options.disk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blank_disk_has_a_name_before_it_has_a_label),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
