/* SPDX-License-Identifier: MIT */
#include "init/devices/uevent.h"

#include <string.h>

#include "tests/unit/unit.h"

static void an_announcement_is_taken_apart(void **state)
{
    (void)state;
    static const char text[] = "add@/devices/pci0000:00/0000:00:02.0/virtio0\0ACTION=add\0"
                               "DEVPATH=/devices/pci0000:00/0000:00:02.0/virtio0\0"
                               "SUBSYSTEM=virtio\0MODALIAS=virtio:d00000002v00001AF4\0SEQNUM=7";
    struct uevent event;
    assert_true(uevent_parse(&event, text, sizeof text));
    assert_string_equal(event.action, "add");
    assert_string_equal(event.subsystem, "virtio");
    assert_string_equal(event.modalias, "virtio:d00000002v00001AF4");
    assert_null(event.devname);
}

static void a_block_device_has_its_name(void **state)
{
    (void)state;
    static const char text[] = "add@/x\0ACTION=add\0SUBSYSTEM=block\0DEVNAME=vda1\0MAJOR=254";
    struct uevent event;
    assert_true(uevent_parse(&event, text, sizeof text));
    assert_string_equal(event.subsystem, "block");
    assert_string_equal(event.devname, "vda1");
    assert_null(event.modalias);
}

static void what_is_no_announcement_is_refused(void **state)
{
    (void)state;
    struct uevent event;
    static const char udev[] = "libudev\0\xfe\xed\xca\xfe binary";
    static const char endless[] = {'A', 'C', 'T', 'I', 'O', 'N', '=', 'a'};
    assert_false(uevent_parse(&event, "", 0));
    assert_false(uevent_parse(&event, udev, sizeof udev));
    assert_false(uevent_parse(&event, endless, sizeof endless));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_announcement_is_taken_apart),
        cmocka_unit_test(a_block_device_has_its_name),
        cmocka_unit_test(what_is_no_announcement_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
