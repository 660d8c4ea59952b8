/* SPDX-License-Identifier: MIT */
/* Drives. */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "common/params.h"
#include "tests/unit/planned.h"
#include "tests/unit/unit.h"

static void ide_drives_each_have_a_port(void **state)
{
    struct planned five CLEANUP_PLANNED;
    struct planned six CLEANUP_PLANNED;
    struct planned arm CLEANUP_PLANNED;

    (void)state;
    planned_new(&five,
                VM("\"qemu\": {\"diskInterface\": \"ide\"}, \"emptyDiskImages\": [1, 1, 1, 1]"),
                planned_no_environment);
    planned_expect_success(&five);
    assert_string_equal(planned_argument(&five, "-device", 1), "ide-hd,bus=ide.0,drive=drive1");
    assert_string_equal(planned_argument(&five, "-device", 3), "ide-hd,bus=ide.3,drive=drive3");
    planned_new(&six,
                VM("\"qemu\": {\"diskInterface\": \"ide\"}, \"emptyDiskImages\": [1, 1, 1, 1, 1]"),
                planned_no_environment);
    planned_expect_problem(&six, "virtualisation.qemu.drives", "at most 5", NULL);
    planned_new(
        &arm,
        "{\"nixpkgs\": {\"hostPlatform\": \"aarch64-linux\"}, \"virtualisation\": {\"qemu\": "
        "{\"diskInterface\": \"ide\"}}}",
        planned_no_environment);
    planned_expect_success(&arm);
    assert_string_equal(planned_argument(&arm, "-device", 1), "ahci,id=run-vm-ahci");
    assert_string_equal(planned_argument(&arm, "-device", 2),
                        "ide-hd,bus=run-vm-ahci.0,drive=drive1");
}

/* The -drive whose file is the store image. */
static const char *store_drive(const struct planned *p)
{
    const char *drive;

    for (size_t i = 0; (drive = planned_argument(p, "-drive", i)); i++)
        if (strstr(drive, "store.img"))
            return drive;
    fail_msg("no drive has the store image");
    return "";
}

static const struct plan_file *store_file(const struct planned *p)
{
    for (size_t i = 0; i < p->plan.file_count; i++)
        if (p->plan.files[i].kind == FILE_STORE_IMAGE)
            return &p->plan.files[i];
    fail_msg("no store image is made");
    return NULL;
}

static void no_drive_lets_the_guest_write_to_the_cached_store_image(void **state)
{
    static const char forced[] =
        "\"drives\": {\"_type\": \"override\", \"priority\": 50, \"content\": [{\"name\": "
        "\"nix-store\", \"file\": \"%s\", \"driveExtraOpts\": {\"readonly\": \"off\"}}]}";
    static const struct {
        const char *initrd;
        const char *interface;
        const char *file; /* of a drive instead of the built-in ones */
        const char *expected;
        bool copied;
    } cases[] = {
        {"builtin", "virtio", NULL, ",readonly=on", false},
        {"builtin", "scsi", NULL, ",readonly=on", false},
        {"builtin", "ide", NULL, ",snapshot=on", false},
        {"system", "virtio", NULL, ",readonly=on", false},
        {"system", "scsi", NULL, ",readonly=on", false},
        {"system", "ide", NULL, NULL, true},
        {"builtin", "virtio", "\\\"$TMPDIR\\\"/store.img", ",readonly=on", false},
        {"builtin", "virtio", "$TMPDIR//./store.img", ",readonly=on", false},
        {"builtin", "virtio", "./store.img", ",readonly=on", false},
        {"builtin", "scsi", "store.img", ",readonly=on", false},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;
        char *drives CLEANUP_FREE =
            cases[i].file ? xasprintf(forced, cases[i].file) : xstrdup("\"virtioKeyboard\": true");
        char *json CLEANUP_FREE =
            xasprintf("{\"runVm\": {\"initrd\": \"%s\"}, \"virtualisation\": {\"diskImage\": null, "
                      "\"useNixStoreImage\": true, \"qemu\": {\"diskInterface\": \"%s\", %s}}}",
                      cases[i].initrd, cases[i].interface, drives);

        planned_new(&p, json, planned_no_environment);
        planned_expect_success(&p);
        const char *drive = store_drive(&p);

        if (cases[i].expected && !strstr(drive, cases[i].expected))
            fail_msg("case %zu: %s lacks %s", i, drive, cases[i].expected);
        if (!cases[i].expected && (strstr(drive, "readonly") || strstr(drive, "snapshot")))
            fail_msg("case %zu: %s", i, drive);
        assert_int_equal(store_file(&p)->writable, cases[i].copied);
    }
}

static void the_root_has_the_name_and_the_place_of_its_release(void **state)
{
    static const struct {
        const char *release;
        const char *more; /* of virtualisation */
        const char *device;
        const char *root;
    } cases[] = {
        {"22.11", "", "virtio-blk-pci,drive=drive1", "/dev/vda"},
        {"23.05", "", "virtio-blk-pci,drive=drive1", "/dev/vda"},
        {"23.11", "", "virtio-blk-pci,bootindex=1,drive=drive1,serial=root",
         "/dev/disk/by-label/nixos"},
        {"26.11", "", "virtio-blk-pci,bootindex=1,drive=drive1,serial=root",
         "/dev/disk/by-label/nixos"},
        {"25.11", ", \"rootDevice\": \"/dev/vdb\"",
         "virtio-blk-pci,bootindex=1,drive=drive1,serial=root", "/dev/vdb"},
        {"25.11", ", \"bootDevice\": \"/dev/vdb\"",
         "virtio-blk-pci,bootindex=1,drive=drive1,serial=root", "/dev/vdb"},
        /* a boot disk is the first to boot, and has the name that the boot loader knows */
        {"25.11", ", \"useBootLoader\": true", "virtio-blk-pci,drive=drive1",
         "/dev/disk/by-label/nixos"},
        {"25.11", ", \"useBootLoader\": true",
         "virtio-blk-pci,bootindex=1,drive=drive2,serial=root", "/dev/disk/by-label/nixos"},
        {"25.11", ", \"useBootLoader\": true, \"bootLoaderDevice\": \"/dev/disk/by-id/virtio-b\"",
         "virtio-blk-pci,bootindex=1,drive=drive2,serial=b", "/dev/disk/by-label/nixos"},
        {"25.11", ", \"useBootLoader\": true, \"bootLoaderDevice\": \"/dev/disk/by-id/virtio-b\"",
         "virtio-blk-pci,drive=drive1,serial=root", "/dev/disk/by-label/nixos"},
        {"25.11", ", \"useBootLoader\": true, \"installBootLoader\": false",
         "virtio-blk-pci,drive=drive2,serial=root", "/dev/disk/by-label/nixos"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;
        char *json CLEANUP_FREE =
            xasprintf("{\"runVm\": {\"release\": \"%s\", \"transport\": \"9p\"}, "
                      "\"virtualisation\": {\"cores\": 1%s}}",
                      cases[i].release, cases[i].more);

        planned_new(&p, json, planned_no_environment);
        planned_expect_success(&p);
        assert_string_equal(config_text(&p.config, "virtualisation.rootDevice"), cases[i].root);
        assert_int_equal(planned_warnings_with(&p, "renamed"), 0);
        bool found = false;
        for (size_t n = 0; planned_argument(&p, "-device", n) && !found; n++)
            found = !strcmp(planned_argument(&p, "-device", n), cases[i].device);
        if (!found)
            fail_msg("%s: no device %s", cases[i].release, cases[i].device);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_root_has_the_name_and_the_place_of_its_release),
        cmocka_unit_test(ide_drives_each_have_a_port),
        cmocka_unit_test(no_drive_lets_the_guest_write_to_the_cached_store_image),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
