/* SPDX-License-Identifier: MIT */
/* The model of a machine as a libvirt domain. */
#include "host/machine/libvirtxml.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/machine/xml.h"
#include "tests/unit/planned.h"
#include "tests/unit/unit.h"

static const struct libvirtdomain_facts facts = {
    .name = "box",
    .uri = "qemu:///session",
    .directory = "/data/box",
    .cpu = "x86_64",
};

/* Plans the content of virtualisation, and writes the domain by these facts; the caller frees. */
static char *write_domain_of(const struct libvirtdomain_facts *of, const char *json,
                             struct strv *warnings)
{
    struct planned p CLEANUP_PLANNED;
    struct error e CLEANUP_ERROR = {0};

    planned_init(&p);
    planned_make(&p, json, planned_no_environment);
    planned_expect_success(&p);
    char *document = libvirtxml_write(&p.plan.machine, of, warnings, &e);
    if (!document)
        fail_msg("%s", e.message);
    return document;
}

static char *write_domain(const char *json, struct strv *warnings)
{
    return write_domain_of(&facts, json, warnings);
}

static void expect(const char *document, const char *text)
{
    if (!strstr(document, text))
        fail_msg("\"%s\" is not in\n%s", text, document);
}

static void syntax_in_texts_is_escaped(void **state)
{
    struct error e CLEANUP_ERROR = {0};
    struct xml *root = xml_new("a");

    (void)state;
    (void)xml_add(root, "b", "c", "<&\"'>\n", "none", NULL, "d", "", NULL);
    (void)xml_add_text(root, "e", "<&\"'>\n");
    char *document CLEANUP_FREE = xml_print(root, &e);
    xml_free(root);
    assert_string_equal(document, "<a>\n"
                                  "  <b c=\"&#60;&#38;&#34;'&#62;&#10;\" d=\"\"/>\n"
                                  "  <e>&#60;&#38;&#34;'&#62;\n</e>\n"
                                  "</a>\n");
}

static void a_text_that_xml_cannot_say_is_refused(void **state)
{
    static const char *const texts[] = {"a\x01z", "a\xffz", "a\xed\xa0\x80z"};

    (void)state;
    for (size_t i = 0; i < ELEMENTS(texts); i++) {
        struct error e CLEANUP_ERROR = {0};
        struct xml *root = xml_new("a");

        (void)xml_add(root, "b", "c", texts[i], NULL);
        assert_null(xml_print(root, &e));
        assert_error_names(e, "XML cannot say");
        xml_free(root);
    }
}

static void a_plain_machine_needs_none_of_qemus_arguments(void **state)
{
    struct strv warnings CLEANUP_STRV = {0};
    char *document CLEANUP_FREE = write_domain(VM("\"graphics\": false"), &warnings);

    (void)state;
    assert_int_equal(warnings.count, 0);
    assert_null(strstr(document, "qemu:arg"));
    expect(document, "<name>box</name>");
    expect(document, "<memory unit=\"MiB\">1024</memory>");
    expect(document, "<interface type=\"user\">");
    expect(document, "<model type=\"none\"/>");
    expect(document, "<target type=\"serial\" port=\"0\"/>");
}

static void processors_are_cores_of_one_socket(void **state)
{
    struct strv warnings CLEANUP_STRV = {0};
    char *one CLEANUP_FREE = write_domain(VM("\"cores\": 1"), &warnings);
    char *three CLEANUP_FREE = write_domain(VM("\"cores\": 3"), &warnings);

    (void)state;
    assert_null(strstr(one, "<topology"));
    expect(three, "<vcpu>3</vcpu>");
    expect(three, "<topology sockets=\"1\" cores=\"3\" threads=\"1\"/>");
    assert_ptr_equal(strstr(strstr(three, "<cpu") + 1, "<cpu"), NULL);
}

static void another_host_chooses_its_own_emulator(void **state)
{
    struct libvirtdomain_facts elsewhere = facts;
    struct strv warnings CLEANUP_STRV = {0};
    elsewhere.elsewhere = true;
    char *here CLEANUP_FREE = write_domain(VM("\"graphics\": false"), &warnings);
    char *there CLEANUP_FREE = write_domain_of(&elsewhere, VM("\"graphics\": false"), &warnings);

    (void)state;
    expect(here, "<emulator>");
    assert_null(strstr(there, "<emulator>"));
}

static void the_hosts_store_is_read_only(void **state)
{
    struct strv warnings CLEANUP_STRV = {0};
    char *document CLEANUP_FREE = write_domain(VM("\"graphics\": false"), &warnings);
    const char *store = strstr(document, "<target dir=\"nix-store\"/>");

    (void)state;
    assert_non_null(store);
    assert_non_null(startswith(store, "<target dir=\"nix-store\"/>\n      <readonly/>"));
}

static void a_share_that_old_libvirts_refuse_is_told(void **state)
{
    char program[] = "qemu", tag[] = "t", path[] = "/shared", socket[] = "s";
    struct model_item items[] = {
        {.kind = MODEL_SHARE, .share = {.tag = tag, .path = path, .socket = socket}},
        {.kind = MODEL_SHARE,
         .share = {.tag = tag, .path = path, .socket = socket, .read_only = true}},
    };
    struct model model = {.program = program, .items = items, .count = ELEMENTS(items)};
    struct strv warnings CLEANUP_STRV = {0};
    struct error e CLEANUP_ERROR = {0};
    char *document CLEANUP_FREE = libvirtxml_write(&model, &facts, &warnings, &e);

    (void)state;
    expect(document, "<target dir=\"t\"/>\n      <readonly/>");
    assert_int_equal(warnings.count, 1);
    expect(warnings.items[0], "sharedDirectories.t: is read-only on virtiofs");
}

static void forwarded_ports_go_to_qemu_with_their_card(void **state)
{
    struct strv warnings CLEANUP_STRV = {0};
    char *document CLEANUP_FREE = write_domain(VM("\"forwardPorts\": [{\"host\": {\"port\": 2222}, "
                                                  "\"guest\": {\"port\": 22}}]"),
                                               &warnings);

    (void)state;
    assert_int_equal(warnings.count, 1);
    expect(warnings.items[0], "hostfwd=tcp::2222-:22");
    expect(document, "<qemu:arg value=\"user,id=user.0,hostfwd=tcp::2222-:22,\"/>");
    expect(document, "netdev=user.0,mac=52:54:00:");
    assert_null(strstr(document, "<interface"));
}

static void properties_of_a_drive_are_libvirts_own(void **state)
{
    struct strv warnings CLEANUP_STRV = {0};
    char *document CLEANUP_FREE =
        write_domain(VM("\"qemu\": {\"drives\": [{\"file\": \"/e&f.img\", \"driveExtraOpts\": "
                        "{\"format\": \"raw\", \"cache\": \"none\"}}]}"),
                     &warnings);

    (void)state;
    assert_int_equal(warnings.count, 0);
    expect(document, "<driver name=\"qemu\" type=\"raw\" cache=\"none\"/>\n"
                     "      <source file=\"/e&#38;f.img\"/>");
}

/* A guest would find it before those of libvirt. */
static void a_drive_that_libvirt_cannot_say_takes_the_others_along(void **state)
{
    struct strv warnings CLEANUP_STRV = {0};
    char *document CLEANUP_FREE =
        write_domain(VM("\"qemu\": {\"drives\": [{\"file\": \"/d.img\", \"driveExtraOpts\": "
                        "{\"format\": \"raw\", \"throttling.iops-total\": \"5\"}}]}"),
                     &warnings);

    (void)state;
    assert_int_equal(warnings.count, 2);
    expect(warnings.items[0], "libvirt cannot keep the place of \"-drive ");
    expect(warnings.items[1], "libvirt cannot say \"-drive file=/d.img,");
    expect(strstr(document, "drive=drive1,addr=0x10\""), "throttling.iops-total=5");
    expect(document, "drive=drive2,addr=0x11\"");
    assert_null(strstr(document, "<disk"));
}

static void cards_that_libvirt_cannot_say_follow_one_another(void **state)
{
    char program[] = "qemu", user[] = "u", vde[] = "v", socket[] = "/vde", none[] = "";
    struct model_item items[] = {
        {.kind = MODEL_CARD, .card = {.network = user}},
        {.kind = MODEL_NETWORK, .network = {.id = user, .options = none}},
        {.kind = MODEL_CARD, .card = {.network = vde}},
        {.kind = MODEL_NETWORK, .network = {.id = vde, .vde_socket = socket, .options = none}},
    };
    struct model model = {.program = program, .items = items, .count = ELEMENTS(items)};
    struct strv warnings CLEANUP_STRV = {0};
    struct error e CLEANUP_ERROR = {0};
    char *document CLEANUP_FREE = libvirtxml_write(&model, &facts, &warnings, &e);

    (void)state;
    assert_int_equal(warnings.count, 2);
    expect(document, "virtio-net-pci,netdev=u,mac=52:54:00:");
    expect(strstr(document, ",addr=0x10\"/>"), "netdev=v,");
    expect(document, ",addr=0x11\"/>");
    assert_null(strstr(document, "<interface"));
}

/* One among QEMU's arguments would have the place in the boot order that libvirt gives its first.
 */
static void the_boot_disk_is_one_of_libvirts(void **state)
{
    struct strv warnings CLEANUP_STRV = {0};
    char *document CLEANUP_FREE =
        write_domain("{\"virtualisation\": {\"useBootLoader\": true}, "
                     "\"system\": {\"build\": {\"bootDisk\": \"/boot-disk\"}}}",
                     &warnings);
    const char *disk = strstr(document, "/disk.img\"/>");

    (void)state;
    assert_int_equal(warnings.count, 0);
    assert_non_null(disk);
    expect(disk, "<boot order=\"2\"/>");
    assert_null(strstr(document, "qemu:arg"));
}

/* libvirt does not know of the drive, and would have QEMU boot another. */
static void a_drive_among_qemus_arguments_is_booted_first(void **state)
{
    struct strv warnings CLEANUP_STRV = {0};
    char *document CLEANUP_FREE =
        write_domain(VM("\"qemu\": {\"drives\": [{\"file\": \"/d.img\", \"driveExtraOpts\": "
                        "{\"format\": \"raw\", \"throttling.iops-total\": \"5\"}, "
                        "\"deviceExtraOpts\": {\"bootindex\": \"1\"}}]}"),
                     &warnings);

    (void)state;
    expect(document, "virtio-blk-pci,bootindex=2,");
    expect(document, "<boot dev=\"fd\"/>");
}

/* QEMU would have them take the places that libvirt gives to its own. */
static void pci_devices_among_qemus_arguments_have_a_place(void **state)
{
    struct strv warnings CLEANUP_STRV = {0};
    char *document CLEANUP_FREE = write_domain(
        VM("\"qemu\": {\"options\": [\"-device virtio-balloon,id=b\", "
           "\"-device intel-hda\", \"-device e1000e,addr=0x9\", \"-device usb-mouse\"]}, "
           "\"sharedDirectories\": {\"s\": {\"source\": \"/s\", \"target\": "
           "\"/s\", \"securityModel\": \"mapped-file\"}}"),
        &warnings);

    (void)state;
    expect(document, "value=\"virtio-9p-pci,fsdev=s,mount_tag=s,addr=0x10\"");
    expect(document, "value=\"virtio-balloon,id=b,addr=0x11\"");
    expect(document, "value=\"intel-hda,addr=0x12\"");
    expect(document, "value=\"e1000e,addr=0x9\"");
    expect(document, "value=\"usb-mouse\"");
}

static char *write_named(const char *name, const char *uri)
{
    struct libvirtdomain_facts other = facts;
    char program[] = "qemu";
    struct model model = {.program = program};
    struct strv warnings CLEANUP_STRV = {0};
    struct error e CLEANUP_ERROR = {0};

    other.name = name;
    other.uri = uri;
    char *document CLEANUP_FREE = libvirtxml_write(&model, &other, &warnings, &e);
    const char *uuid = strstr(document, "<uuid>");

    return xstrndup(uuid, strlen("<uuid>01234567-0123-0123-0123-0123456789ab"));
}

static void a_domain_is_the_same_each_time_and_differs_from_others(void **state)
{
    char *uuid CLEANUP_FREE = write_named("box", "qemu:///session");
    char *again CLEANUP_FREE = write_named("box", "qemu:///session");
    char *name CLEANUP_FREE = write_named("fox", "qemu:///session");
    char *place CLEANUP_FREE = write_named("box", "qemu:///system");

    (void)state;
    assert_string_equal(uuid, again);
    assert_string_not_equal(uuid, name);
    assert_string_not_equal(uuid, place);
    assert_int_equal(uuid[strlen("<uuid>01234567-0123-")], '8');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(syntax_in_texts_is_escaped),
        cmocka_unit_test(a_text_that_xml_cannot_say_is_refused),
        cmocka_unit_test(a_plain_machine_needs_none_of_qemus_arguments),
        cmocka_unit_test(processors_are_cores_of_one_socket),
        cmocka_unit_test(another_host_chooses_its_own_emulator),
        cmocka_unit_test(the_hosts_store_is_read_only),
        cmocka_unit_test(a_share_that_old_libvirts_refuse_is_told),
        cmocka_unit_test(forwarded_ports_go_to_qemu_with_their_card),
        cmocka_unit_test(properties_of_a_drive_are_libvirts_own),
        cmocka_unit_test(a_drive_that_libvirt_cannot_say_takes_the_others_along),
        cmocka_unit_test(cards_that_libvirt_cannot_say_follow_one_another),
        cmocka_unit_test(the_boot_disk_is_one_of_libvirts),
        cmocka_unit_test(a_drive_among_qemus_arguments_is_booted_first),
        cmocka_unit_test(pci_devices_among_qemus_arguments_have_a_place),
        cmocka_unit_test(a_domain_is_the_same_each_time_and_differs_from_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
