/* SPDX-License-Identifier: MIT */
#include "host/system/imageformat.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/alloc.h"
#include "host/plan/plan.h"
#include "tests/unit/planned.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

/* True if files in the directory can have the extended attribute. */
static bool has_records(const char *scratch)
{
    return setxattr(scratch, "user.test", "x", 1, 0) == 0;
}

static void only_what_has_no_header_is_raw(void **state)
{
    static const struct {
        const char *bytes;
        const char *header; /* NULL: none */
    } cases[] = {
        {"", NULL},       {"anything", NULL},  {"QFI\xfb", "qcow2"}, {"QFI", NULL},
        {"KDMV", "vmdk"}, {"conectix", "vpc"}, {"vhdxfile", "vhdx"}, {"LUKS\xba\xbe", "luks"},
    };
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *path CLEANUP_FREE = scratch_path(scratch, "image");
    enum imageformat raw = has_records(scratch) ? IMAGE_RAW_NEW : IMAGE_RAW_NEVER;

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        const char *header = NULL;

        scratch_write(scratch, "image", cases[i].bytes);
        assert_int_equal(imageformat_find(path, &header), cases[i].header ? IMAGE_UNKNOWN : raw);
        assert_string_equal(header ? header : "none", cases[i].header ? cases[i].header : "none");
    }
}

static void what_is_recorded_as_raw_stays_so_whatever_a_guest_writes(void **state)
{
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *path CLEANUP_FREE = scratch_path(scratch, "image");
    struct error e CLEANUP_ERROR = {0};
    const char *header = NULL;

    (void)state;
    if (!has_records(scratch))
        skip();
    scratch_write(scratch, "image", "raw");
    assert_int_equal(imageformat_record_raw(path, &e), 0);
    assert_int_equal(imageformat_find(path, &header), IMAGE_RAW);
    scratch_write(scratch, "image", "LUKS\xba\xbe");
    assert_int_equal(imageformat_find(path, &header), IMAGE_RAW);
    scratch_write(scratch, "image", "QFI\xfb");
    assert_int_equal(imageformat_find(path, &header), IMAGE_RAW_CHANGED);
    assert_string_equal(header, "qcow2");
}

static void what_is_no_image_is_left_to_qemu(void **state)
{
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *fifo CLEANUP_FREE = scratch_path(scratch, "fifo");
    struct error e CLEANUP_ERROR = {0};
    const char *header = NULL;

    (void)state;
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(imageformat_find(fifo, &header), IMAGE_UNKNOWN);
    assert_int_equal(imageformat_find(scratch, &header), IMAGE_UNKNOWN);
    assert_int_equal(imageformat_find("/nowhere", &header), IMAGE_UNKNOWN);
    assert_int_equal(imageformat_record_raw("/nowhere", &e), -ENOENT);
    assert_non_null(strstr(e.message, "/nowhere: "));
}

/* A plan with a raw drive "raw", a qcow2 one and what `more` adds; `initrd`: runVm.initrd. */
static void make(struct planned *p, const char *initrd, const char *extra)
{
    char *json CLEANUP_FREE =
        xasprintf("{\"runVm\": {\"initrd\": \"%s\"}, \"virtualisation\": {\"diskImage\": null, "
                  "\"qemu\": {\"drives\": [{\"file\": \"@/raw\", \"driveExtraOpts\": {%s}}, "
                  "{\"file\": \"@/qcow2\"}]}}}",
                  initrd, extra);

    planned_init(p);
    scratch_write(p->scratch, "raw", "");
    scratch_write(p->scratch, "qcow2", "QFI\xfb");
    planned_make(p, json, planned_no_environment);
    planned_expect_success(p);
    assert_null(strstr(planned_argument(p, "-drive", 1), "format="));
}

static void a_raw_image_is_given_with_its_format_unless_the_user_says_one(void **state)
{
    static const struct {
        const char *initrd;
        const char *extra;
        const char *given; /* NULL: no format */
        size_t records;
    } cases[] = {
        {"builtin", "", ",format=raw,", 1},
        {"builtin", "\"readonly\": \"on\"", ",format=raw,", 0},
        {"builtin", "\"format\": \"qcow2\"", ",format=qcow2,", 0},
        {"builtin", "\"driver\": \"raw\"", NULL, 0},
        {"system", "", NULL, 0},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct planned p CLEANUP_PLANNED;
        const char *drive = NULL;

        make(&p, cases[i].initrd, cases[i].extra);
        if (!has_records(p.scratch))
            continue;
        drive = planned_argument(&p, "-drive", 0);
        if (cases[i].given ? !strstr(drive, cases[i].given) : strstr(drive, "format=") != NULL)
            fail_msg("%s: %s", cases[i].extra, drive);
        assert_int_equal(p.plan.raw_images.count, cases[i].records);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_has_no_header_is_raw),
        cmocka_unit_test(what_is_recorded_as_raw_stays_so_whatever_a_guest_writes),
        cmocka_unit_test(what_is_no_image_is_left_to_qemu),
        cmocka_unit_test(a_raw_image_is_given_with_its_format_unless_the_user_says_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
