/* SPDX-License-Identifier: MIT */
#include "init/plan/mountoptions.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>

#include "base/alloc.h"
#include "tests/unit/unit.h"

static struct mountoptions parse(const char *text)
{
    struct mountoptions options;
    struct error e CLEANUP_ERROR = {0};
    if (mountoptions_parse(&options, text, &e) < 0)
        fail_msg("%s", e.message);
    return options;
}

static void flags_and_the_filesystems_own_options_are_split(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned long flags;
        unsigned long propagation;
        const char *data;
    } cases[] = {
        {NULL, 0, 0, ""},
        {"", 0, 0, ""},
        {"defaults", 0, 0, ""},
        {"ro", MS_RDONLY, 0, ""},
        {"ro,rw", 0, 0, ""},
        {"noatime,nosuid,nodev,noexec", MS_NOATIME | MS_NOSUID | MS_NODEV | MS_NOEXEC, 0, ""},
        {"mode=0755,strictatime,size=5%", MS_STRICTATIME, 0, "mode=0755,size=5%"},
        {"trans=virtio,ro,cache=loose", MS_RDONLY, 0, "trans=virtio,cache=loose"},
        {"bind,ro", MS_BIND | MS_RDONLY, 0, ""},
        {"rbind", MS_BIND | MS_REC, 0, ""},
        {"bind,rslave", MS_BIND | MS_REC, MS_SLAVE | MS_REC, ""},
        {"private,commit=5", 0, MS_PRIVATE, "commit=5"},
        {"lowerdir=/a:/b,upperdir=/u", 0, 0, "lowerdir=/a:/b,upperdir=/u"},
    };
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct mountoptions options = parse(cases[i].text);
        assert_int_equal(options.flags, cases[i].flags);
        assert_int_equal(options.propagation, cases[i].propagation);
        assert_string_equal(options.data, cases[i].data);
        mountoptions_free(&options);
    }
}

static void options_for_us_are_recognised_and_others_dropped(void **state)
{
    (void)state;
    struct mountoptions options = parse("x-run-vm.if-empty,x-systemd.makefs,noatime,x-systemd."
                                        "growfs,x-initrd.mount,nofail,x-foo=bar,"
                                        "noauto,_netdev,comment=hello,data=journal");
    assert_true(options.makefs);
    assert_true(options.growfs);
    assert_true(options.if_empty);
    assert_true(options.nofail);
    assert_int_equal(options.flags, MS_NOATIME);
    assert_string_equal(options.data, "data=journal");
    mountoptions_free(&options);

    options = parse("x-run-vm.disk=/dev/vda,x-run-vm.disk=/dev/disk/by-id/virtio-a\\040b,noatime");
    assert_string_equal(options.disk, "/dev/disk/by-id/virtio-a b");
    assert_string_equal(options.data, "");
    mountoptions_free(&options);

    options = parse("x-systemd.requires-mounts-for=/a\\040b,ro,x-systemd.requires-mounts-for=/c");
    assert_int_equal(options.requires.count, 2);
    assert_string_equal(options.requires.items[0], "/a b");
    assert_string_equal(options.requires.items[1], "/c");
    mountoptions_free(&options);

    options = parse("x-systemd.makefsx,x-gvfs-show");
    assert_false(options.makefs);
    assert_false(options.growfs);
    assert_false(options.nofail);
    assert_string_equal(options.data, "");
    mountoptions_free(&options);
}

static void what_is_not_done_before_stage_2_is_refused_by_name(void **state)
{
    (void)state;
    static const char *const refused[] = {"loop", "loop=/dev/loop3", "offset=4096"};
    for (size_t i = 0; i < ELEMENTS(refused); i++) {
        struct mountoptions options;
        struct error e CLEANUP_ERROR = {0};
        char *text CLEANUP_FREE = xasprintf("ro,%s", refused[i]);
        assert_int_equal(mountoptions_parse(&options, text, &e), -EINVAL);
        assert_error_names(e, refused[i]);
    }
}

static void an_option_can_be_taken_out(void **state)
{
    (void)state;
    struct mountoptions options = parse("a=1,lowerdir=/x,b,a=2,lowerdirs=no");
    char *a CLEANUP_FREE = mountoptions_take(&options, "a");
    char *b CLEANUP_FREE = mountoptions_take(&options, "b");
    char *lower CLEANUP_FREE = mountoptions_take(&options, "lowerdir");
    assert_string_equal(a, "2");
    assert_string_equal(b, "");
    assert_string_equal(lower, "/x");
    assert_null(mountoptions_take(&options, "c"));
    assert_string_equal(options.data, "lowerdirs=no");
    mountoptions_free(&options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_and_the_filesystems_own_options_are_split),
        cmocka_unit_test(options_for_us_are_recognised_and_others_dropped),
        cmocka_unit_test(what_is_not_done_before_stage_2_is_refused_by_name),
        cmocka_unit_test(an_option_can_be_taken_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
