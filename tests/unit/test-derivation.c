/* SPDX-License-Identifier: MIT */
#include "init/nix/derivation.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/unit.h"

/* A derivation written by nix-instantiate 2.8, with its outputs out of order. */
static const char multi[] =
    "Derive([(\"out\",\"/nix/store/4wz3-multi\",\"\",\"\"),(\"a-lib\",\"/nix/store/q9n1-multi-a-"
    "lib\",\"\",\"\")],[(\"/nix/store/0p62-fix.tar.drv\",[\"out\"])],[\"/nix/store/vqpn-t\"],"
    "\"x86_64-linux\",\"/bin/sh\",[\"-c\",\"echo \\\"q\\\\\\n\\\" > $out\"],[(\"builder\",\"/bin/"
    "sh\"),(\"x\",\"we\\\"ird])\\n\\t\\\\\")])";

static int parse(const char *text, struct derivation *d, struct error *e)
{
    return derivation_parse(text, strlen(text), "x.drv", d, e);
}

static void the_outputs_come_sorted(void **state)
{
    (void)state;
    struct derivation d CLEANUP_DERIVATION = {0};
    assert_int_equal(parse(multi, &d, NULL), 0);
    assert_int_equal(d.output_count, 2);
    assert_string_equal(d.outputs[0].id, "a-lib");
    assert_string_equal(d.outputs[0].path, "/nix/store/q9n1-multi-a-lib");
    assert_string_equal(d.outputs[1].id, "out");
    assert_string_equal(d.outputs[1].path, "/nix/store/4wz3-multi");
}

static void an_output_known_by_its_hash_has_a_path_and_a_floating_one_has_none(void **state)
{
    (void)state;
    struct derivation d CLEANUP_DERIVATION = {0};
    assert_int_equal(parse("Derive([(\"a\",\"/s/1\",\"r:sha256\",\"e3b0\"),(\"b\",\"\",\"r:"
                           "sha256\",\"\"),(\"c\",\"\",\"\",\"\")],[],[],\"\",\"\",[],[])",
                           &d, NULL),
                     0);
    assert_int_equal(d.output_count, 1);
    assert_string_equal(d.outputs[0].path, "/s/1");
}

static void escapes_are_undone(void **state)
{
    (void)state;
    struct derivation d CLEANUP_DERIVATION = {0};
    assert_int_equal(parse("Derive([(\"o\\\"\\\\\\n\\t\\r\\x\",\"p\",\"\",\"\")])", &d, NULL), 0);
    assert_string_equal(d.outputs[0].id, "o\"\\\n\t\rx");
}

static void the_form_with_a_version_is_read(void **state)
{
    (void)state;
    struct derivation d CLEANUP_DERIVATION = {0};
    assert_int_equal(parse("DrvWithVersion(\"xp-dyn-drv\",[(\"out\",\"/s/1\",\"\",\"\")],[(\"/s/"
                           "2\",([\"out\"],[(\"x\",([\"y\"],[]))]))],[],\"\",\"\",[],[])",
                           &d, NULL),
                     0);
    assert_int_equal(d.output_count, 1);
}

static void a_derivation_cut_off_anywhere_is_an_error_with_the_place(void **state)
{
    (void)state;
    for (size_t length = 0; length < sizeof multi - 1; length++) {
        struct derivation d CLEANUP_DERIVATION = {0};
        struct error e CLEANUP_ERROR = {0};
        char *copy CLEANUP_FREE = malloc(length + !length);
        memcpy(copy, multi, length);
        assert_int_equal(derivation_parse(copy, length, "x.drv", &d, &e), -EBADMSG);
        assert_error_names(e, "x.drv", "not a derivation", "at byte");
        assert_null(d.outputs);
    }
}

static void what_is_no_derivation_is_an_error(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "hello",
        "Derive([(\"out\",\"p\",\"\")])",
        "Derive([(\"out\",\"p\",\"\",\"\"),])",
        "Derive([(\"out\",\"p\",\"\",\"\")(\"b\",\"p\",\"\",\"\")])",
        "Derive([],[)",
        "Derive([],[((((((((((((((((((((((((((((((((((((((",
        "Derive([]))",
        "Derive([])\n",
        "Derive([],\\",
        "Derive([],\"\\",
    };
    for (size_t i = 0; i < ELEMENTS(wrong); i++) {
        struct derivation d CLEANUP_DERIVATION = {0};
        struct error e CLEANUP_ERROR = {0};
        assert_int_equal(parse(wrong[i], &d, &e), -EBADMSG);
        assert_error_names(e, "x.drv");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_outputs_come_sorted),
        cmocka_unit_test(an_output_known_by_its_hash_has_a_path_and_a_floating_one_has_none),
        cmocka_unit_test(escapes_are_undone),
        cmocka_unit_test(the_form_with_a_version_is_read),
        cmocka_unit_test(a_derivation_cut_off_anywhere_is_an_error_with_the_place),
        cmocka_unit_test(what_is_no_derivation_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
