/* SPDX-License-Identifier: MIT */
#include "common/mountspec.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/unit.h"

static void a_mount_is_read_field_by_field(void **state)
{
    (void)state;
    struct mount_spec spec;
    assert_int_equal(
        mount_spec_parse(&spec, "overlay:/nix/store:overlay:lowerdir=/a:/b,upperdir=/c", NULL), 0);
    assert_string_equal(spec.what, "overlay");
    assert_string_equal(spec.where, "/nix/store");
    assert_string_equal(spec.fstype, "overlay");
    assert_string_equal(spec.options, "lowerdir=/a:/b,upperdir=/c");
    mount_spec_free(&spec);

    assert_int_equal(mount_spec_parse(&spec, "LABEL=my\\040disk:/mnt/a\\072b", NULL), 0);
    assert_string_equal(spec.what, "LABEL=my disk");
    assert_string_equal(spec.where, "/mnt/a:b");
    assert_null(spec.fstype);
    assert_null(spec.options);
    mount_spec_free(&spec);

    assert_int_equal(mount_spec_parse(&spec, "/dev/vdb:/data::noatime", NULL), 0);
    assert_null(spec.fstype);
    assert_string_equal(spec.options, "noatime");
    mount_spec_free(&spec);
}

static void a_wrong_mount_is_named_with_the_syntax(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "/dev/vdb", ":/data", "/dev/vdb:", "/dev/vdb:data"};
    for (size_t i = 0; i < ELEMENTS(wrong); i++) {
        struct mount_spec spec;
        struct error e CLEANUP_ERROR = {0};
        assert_int_equal(mount_spec_parse(&spec, wrong[i], &e), -EINVAL);
        assert_error_names(e, wrong[i], "WHAT:WHERE[:FSTYPE[:OPTIONS]]");
    }
}

static void every_byte_survives_in_a_field(void **state)
{
    (void)state;
    char all[256] = "/";
    for (int c = 1; c < 255; c++)
        all[c] = (char)c;
    struct mount_spec spec = {.what = all, .where = all, .fstype = all, .options = (char *)"ro"};
    char *text CLEANUP_FREE = mount_spec_format(&spec);
    for (const char *p = text; *p; p++)
        assert_true(*p > ' ' && *p < 0x7f && *p != '"');

    struct mount_spec again;
    assert_int_equal(mount_spec_parse(&again, text, NULL), 0);
    assert_string_equal(again.what, all);
    assert_string_equal(again.where, all);
    assert_string_equal(again.fstype, all);
    assert_string_equal(again.options, "ro");
    mount_spec_free(&again);
}

static void a_backslash_that_begins_no_escape_is_itself(void **state)
{
    (void)state;
    char *plain CLEANUP_FREE = mount_unescape("a\\b\\40\\999\\400\\000\\");
    assert_string_equal(plain, "a\\b\\40\\999\\400\\000\\");
}

static void a_share_is_9p_unless_its_options_say_otherwise(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum share_transport transport;
        const char *options;
        const char *formatted;
    } rows[] = {
        {"t:/mnt", SHARE_9P, NULL, "t:/mnt"},
        {"t:/mnt:9p", SHARE_9P, NULL, "t:/mnt"},
        {"t:/mnt:virtiofs", SHARE_VIRTIOFS, NULL, "t:/mnt:virtiofs"},
        {"t:/mnt:virtiofs,ro", SHARE_VIRTIOFS, "ro", "t:/mnt:virtiofs,ro"},
        {"t:/mnt:cache=loose,ro", SHARE_9P, "cache=loose,ro", "t:/mnt:cache=loose,ro"},
        {"t:/mnt:virtiofsd=x", SHARE_9P, "virtiofsd=x", "t:/mnt:virtiofsd=x"},
        {"t:/mnt:9p,virtiofs,ro", SHARE_9P, "virtiofs,ro", "t:/mnt:9p,virtiofs,ro"},
        {"t:/mnt:virtiofs,9p", SHARE_VIRTIOFS, "9p", "t:/mnt:virtiofs,9p"},
    };
    for (size_t i = 0; i < ELEMENTS(rows); i++) {
        struct share_spec spec;
        assert_int_equal(share_spec_parse(&spec, rows[i].text, NULL), 0);
        assert_string_equal(spec.tag, "t");
        assert_string_equal(spec.where, "/mnt");
        assert_int_equal(spec.transport, rows[i].transport);
        if (rows[i].options)
            assert_string_equal(spec.options, rows[i].options);
        else
            assert_null(spec.options);
        char *text CLEANUP_FREE = share_spec_format(&spec);
        assert_string_equal(text, rows[i].formatted);
        share_spec_free(&spec);
    }
}

static void a_store_names_its_kind(void **state)
{
    (void)state;
    static const char *const stores[] = {"9p:nix-store", "virtiofs:nix-store",
                                         "erofs:LABEL=a\\072b"};
    for (size_t i = 0; i < ELEMENTS(stores); i++) {
        struct store_spec spec;
        assert_int_equal(store_spec_parse(&spec, stores[i], NULL), 0);
        char *text CLEANUP_FREE = store_spec_format(&spec);
        assert_string_equal(text, stores[i]);
        store_spec_free(&spec);
    }
    struct error e CLEANUP_ERROR = {0};
    struct store_spec spec;
    assert_int_equal(store_spec_parse(&spec, "nfs:server", &e), -EINVAL);
    assert_error_names(e, "nfs:server", "9p:TAG", "virtiofs:TAG", "erofs:DEVICE");
    assert_int_equal(store_spec_parse(&spec, "erofs", &e), -EINVAL);
    assert_int_equal(store_spec_parse(&spec, "erofs:", &e), -EINVAL);
}

static void an_option_is_found_by_its_whole_name(void **state)
{
    (void)state;
    const char *options = "ro,x-systemd.makefs,size=5%,sizes=1";
    char *makefs CLEANUP_FREE = mount_option(options, "x-systemd.makefs");
    char *size CLEANUP_FREE = mount_option(options, "size");
    char *r CLEANUP_FREE = mount_option(options, "r");
    char *none CLEANUP_FREE = mount_option(NULL, "ro");
    assert_string_equal(makefs, "");
    assert_string_equal(size, "5%");
    assert_null(r);
    assert_null(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mount_is_read_field_by_field),
        cmocka_unit_test(a_wrong_mount_is_named_with_the_syntax),
        cmocka_unit_test(every_byte_survives_in_a_field),
        cmocka_unit_test(a_backslash_that_begins_no_escape_is_itself),
        cmocka_unit_test(a_share_is_9p_unless_its_options_say_otherwise),
        cmocka_unit_test(a_store_names_its_kind),
        cmocka_unit_test(an_option_is_found_by_its_whole_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
