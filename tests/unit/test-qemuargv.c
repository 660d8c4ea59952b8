/* SPDX-License-Identifier: MIT */
/* The model of the machine, and QEMU's arguments that are written from it. */
#include "host/machine/qemuargv.h"

#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "tests/unit/planned.h"
#include "tests/unit/unit.h"

static size_t count_kind(const struct planned *p, enum model_kind kind)
{
    size_t n = 0;

    for (size_t i = 0; i < p->plan.machine.count; i++)
        n += p->plan.machine.items[i].kind == kind;
    return n;
}

/* Writes the model as one line, and frees it. */
static char *write_line(struct model *model)
{
    struct strv argv CLEANUP_STRV = {0};

    model->program = xstrdup("qemu");
    qemuargv_write(model, &argv);
    model_free(model);
    return strv_join(&argv, " ");
}

static void commas_are_doubled(void **state)
{
    char *doubled CLEANUP_FREE = qemuargv_escape(",a,,b");

    (void)state;
    assert_string_equal(doubled, ",,a,,,,b");
}

static void plain_texts_have_their_commas_doubled(void **state)
{
    struct model model = {0};

    (void)state;
    model_add(&model, (struct model_item){.kind = MODEL_NAME, .text = xstrdup("a,b")});
    model_add(&model, (struct model_item){.kind = MODEL_SHARE,
                                          .share = {.tag = xstrdup("t,1"),
                                                    .path = xstrdup("/p,1"),
                                                    .security_model = xstrdup("none")}});
    model_add(&model, (struct model_item){
                          .kind = MODEL_NETWORK,
                          .network = {.id = xstrdup("vlan1"), .vde_socket = xstrdup("/v,1")}});
    model_add(&model, (struct model_item){.kind = MODEL_FIRMWARE,
                                          .firmware = {xstrdup("/c,1"), xstrdup("/v,2"), true}});

    char *line CLEANUP_FREE = write_line(&model);
    assert_string_equal(line,
                        "qemu -name a,,b "
                        "-virtfs local,path=/p,,1,security_model=none,mount_tag=t,,1,"
                        "multidevs=remap "
                        "-netdev vde,id=vlan1,sock=/v,,1 "
                        "-drive if=pflash,format=raw,unit=0,readonly=on,file=/c,,1 "
                        "-drive if=pflash,format=raw,unit=1,file=/v,,2 "
                        "-machine smm=on -global driver=cfi.pflash01,property=secure,value=on");
}

static void a_drives_properties_are_sorted_and_those_of_the_user_change_only_the_bus(void **state)
{
    struct model model = {0};
    struct model_drive drive = {.id = xstrdup("drive1"),
                                .index = 1,
                                .file = xstrdup("/a,b"),
                                .read_only = true,
                                .driver = xstrdup("virtio-blk-pci"),
                                .bus = {.id = xstrdup("bridge0"), .bridge = true},
                                .serial = xstrdup("s")};

    (void)state;
    model_set_property(&drive.backend, "werror", xstrdup("report"));
    model_set_property(&drive.backend, "id", xstrdup("other"));
    model_set_property(&drive.backend, "cache", xstrdup("none"));
    model_set_property(&drive.device, "bus", xstrdup("pcie.0"));
    model_set_property(&drive.device, "drive", xstrdup("other"));
    model_add(&model, (struct model_item){.kind = MODEL_DRIVE, .drive = drive});

    char *line CLEANUP_FREE = write_line(&model);
    assert_string_equal(line, "qemu -drive cache=none,file=/a,,b,id=drive1,if=none,index=1,"
                              "readonly=on,werror=report "
                              "-device pcie-pci-bridge,id=bridge0 "
                              "-device virtio-blk-pci,bus=pcie.0,drive=drive1,serial=s");
}

static void the_users_arguments_stay_where_they_are(void **state)
{
    struct model model = {0};
    struct strv none CLEANUP_STRV = {0};
    struct strv words CLEANUP_STRV = {0};

    (void)state;
    strv_split(&words, "-device a,b", ' ');
    model_add_arguments(&model, &none);
    assert_int_equal(model.count, 0);
    model_add_arguments(&model, &words);
    model_add_arguments(&model, &words);
    assert_int_equal(model.count, 1);
    model_add(&model, (struct model_item){.kind = MODEL_USB});
    model_add_arguments(&model, &words);

    char *line CLEANUP_FREE = write_line(&model);
    assert_string_equal(line, "qemu -device a,b -device a,b -usb -device a,b");
}

static void a_property_has_one_value(void **state)
{
    struct model_properties properties = {0};
    struct model model = {0};

    (void)state;
    model_set_property(&properties, "a", xstrdup("1"));
    model_set_property(&properties, "b", xstrdup("2"));
    model_set_property(&properties, "a", xstrdup("3"));
    assert_int_equal(properties.count, 2);
    assert_string_equal(model_property(&properties, "a"), "3");
    model_remove_property(&properties, "a");
    model_remove_property(&properties, "a");
    assert_null(model_property(&properties, "a"));
    assert_string_equal(model_property(&properties, "b"), "2");
    model_add(&model, (struct model_item){.kind = MODEL_DRIVE, .drive = {.backend = properties}});
    model_free(&model);
}

/* Each record is described, and by a name of its own. */
static void every_kind_has_a_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < MODEL_KINDS; i++) {
        assert_non_null(model_records[i].name);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(model_records[i].name, model_records[j].name);
    }
}

/* The argument with the text is in the list of the option; fails where it is not. */
static void expect_argument(const struct planned *p, const char *option, const char *format,
                            const char *text)
{
    char *escaped CLEANUP_FREE = qemuargv_escape(text);
    char *item CLEANUP_FREE = xasprintf("%s=%s", format, escaped);
    const char *argument;

    for (size_t n = 0; (argument = planned_argument(p, option, n)); n++)
        if (strstr(argument, item))
            return;
    fail_msg("no %s has %s", option, item);
}

static void expect_item(const struct planned *p, const struct model_item *item)
{
    if (item->kind == MODEL_DRIVE)
        expect_argument(p, "-drive", "file", item->drive.file);
    if (item->kind == MODEL_SHARE)
        expect_argument(p, item->share.id ? "-device" : "-virtfs",
                        item->share.socket ? "tag" : "mount_tag", item->share.tag);
    if (item->kind == MODEL_CARD)
        expect_argument(p, item->card.driver ? "-device" : "-net", "netdev", item->card.network);
}

static void the_model_is_what_qemu_is_asked_for(void **state)
{
    static const char *const configurations[] = {
        "{}",
        "{\"runVm\": {\"initrd\": \"system\"}}",
        "{\"runVm\": {\"transport\": \"virtiofs\"}}",
        "{\"virtualisation\": {\"emptyDiskImages\": [1, 2, 3], \"vlans\": [1, 2],"
        " \"qemu\": {\"diskInterface\": \"scsi\"}}}",
    };
    static const char *const environment[] = {"QEMU_VDE_SOCKET_1=/v1", "QEMU_VDE_SOCKET_2=/v2",
                                              NULL};

    (void)state;
    for (size_t i = 0; i < ELEMENTS(configurations); i++) {
        struct planned p CLEANUP_PLANNED;

        planned_init(&p);
        planned_make(&p, configurations[i], i == 3 ? environment : planned_no_environment);
        assert_int_equal(p.config.problems.count, 0); /* though there may be no virtiofsd */
        for (size_t j = 0; j < p.plan.machine.count; j++)
            expect_item(&p, &p.plan.machine.items[j]);
        assert_int_equal(count_kind(&p, MODEL_DRIVE), planned_count(&p, "-drive"));
        assert_int_equal(count_kind(&p, MODEL_SHARE), p.plan.server_count +
                                                          planned_count(&p, "-virtfs") +
                                                          planned_count(&p, "-fsdev"));
        assert_int_equal(count_kind(&p, MODEL_NETWORK), planned_count(&p, "-netdev"));
        assert_int_equal(count_kind(&p, MODEL_CARD), planned_count(&p, "-netdev"));
        assert_int_equal(count_kind(&p, MODEL_ARGUMENTS), 0);
    }
}

static void one_more_kernel_parameter_is_in_both(void **state)
{
    struct planned p CLEANUP_PLANNED;

    (void)state;
    planned_init(&p);
    planned_make(&p, "{}", planned_no_environment);
    planned_expect_success(&p);
    size_t count = p.plan.argv.count;
    plan_add_parameter(&p.plan, "vm.x", "1");
    assert_int_equal(p.plan.argv.count, count);
    assert_non_null(startswith(planned_argument(&p, "-append", 0), "vm.x=1 "));
    assert_string_equal(model_find(&p.plan.machine, MODEL_KERNEL)->kernel.parameters,
                        planned_argument(&p, "-append", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_are_doubled),
        cmocka_unit_test(plain_texts_have_their_commas_doubled),
        cmocka_unit_test(a_drives_properties_are_sorted_and_those_of_the_user_change_only_the_bus),
        cmocka_unit_test(the_users_arguments_stay_where_they_are),
        cmocka_unit_test(a_property_has_one_value),
        cmocka_unit_test(every_kind_has_a_name),
        cmocka_unit_test(the_model_is_what_qemu_is_asked_for),
        cmocka_unit_test(one_more_kernel_parameter_is_in_both),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
