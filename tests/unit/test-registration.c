/* SPDX-License-Identifier: MIT */
#include "init/nix/registrationparser.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "tests/unit/unit.h"

#define A  "/nix/store/00000000000000000000000000000001-a"
#define B  "/nix/store/00000000000000000000000000000002-b"
#define C  "/nix/store/zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz-c"
#define H1 "sha256:1111111111111111111111111111111111111111111111111111111111111111\n"
#define H2 "sha256:2222222222222222222222222222222222222222222222222222222222222222\n"

static int parse(const char *text, size_t length, size_t block, struct registration *r,
                 struct error *e)
{
    struct registrationparser *parser CLEANUP_REGISTRATIONPARSER =
        registrationparser_new("/nix/store", "reg");
    for (size_t at = 0; at < length; at += block) {
        size_t left = length - at;
        /* a copy of the very size, so that a sanitizer sees a read beyond it */
        char *copy CLEANUP_FREE = xcalloc(block, 1);
        memcpy(copy, text + at, left < block ? left : block);
        int code = registrationparser_feed(parser, copy, left < block ? left : block, e);
        if (code < 0)
            return code;
    }
    return registrationparser_finish(parser, r, e);
}

static const char three[] = C "\n" H1 "30\n" A "\n3\n" B "\n" A "\n" B "\n" B "\n" H2 "0\n\n1\n" B
                              "\n" A "\n" H2 "18446744073709551615\n\n1\n" B "\n";

static void check_three(const struct registration *r)
{
    assert_int_equal(r->entry_count, 3);
    assert_int_equal(r->name_count, 3);
    assert_int_equal(r->reference_count, 4);
    static const char *const names[] = {A, B, C};
    for (uint32_t i = 0; i < 3; i++) {
        assert_string_equal(registration_text(r, i), names[i]);
        assert_int_equal(r->entries[i].name, i);
        assert_int_equal(r->names[i].entry, i);
    }
    assert_int_equal(r->entries[0].nar_size, UINT64_MAX);
    assert_int_equal(r->entries[1].nar_size, 0);
    assert_int_equal(r->entries[2].nar_size, 30);
    assert_int_equal(r->entries[0].hash[31], 0x22);
    assert_int_equal(r->entries[2].hash[0], 0x11);
    assert_int_equal(r->entries[1].deriver, REGISTRATION_NONE);
    assert_int_equal(r->entries[2].deriver, 0);
    assert_int_equal(r->entries[2].line, 1);
    assert_int_equal(r->entries[0].line, 15);
    assert_int_equal(r->names[0].line, 4);
    const struct registration_entry *c = &r->entries[2];
    assert_int_equal(c->reference_count, 2);
    assert_int_equal(r->references[c->first_reference], 0);
    assert_int_equal(r->references[c->first_reference + 1], 1);
}

static void entries_come_sorted_with_each_reference_once(void **state)
{
    (void)state;
    for (size_t block = 1; block < sizeof three; block++) {
        struct registration r CLEANUP_REGISTRATION = {0};
        assert_int_equal(parse(three, sizeof three - 1, block, &r, NULL), 0);
        check_three(&r);
    }
}

static void an_empty_file_registers_nothing(void **state)
{
    (void)state;
    struct registration r CLEANUP_REGISTRATION = {0};
    assert_int_equal(parse("", 0, 1, &r, NULL), 0);
    assert_int_equal(r.entry_count, 0);
}

static void of_two_entries_for_a_path_the_last_one_stands(void **state)
{
    (void)state;
    static const char twice[] =
        A "\n" H1 "1\n\n1\n" B "\n" B "\n" H1 "2\n\n0\n" A "\n" H2 "3\n\n0\n";
    struct registration r CLEANUP_REGISTRATION = {0};
    assert_int_equal(parse(twice, sizeof twice - 1, 100, &r, NULL), 0);
    assert_int_equal(r.entry_count, 2);
    assert_int_equal(r.reference_count, 0);
    assert_int_equal(r.entries[0].nar_size, 3);
    assert_int_equal(r.entries[0].hash[0], 0x22);
}

static void a_hash_is_read_in_each_of_nixs_notations(void **state)
{
    (void)state;
    /* of the empty string; each was accepted by nix-store --load-db */
    static const char *const notations[] = {
        "sha256:0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73",
        "0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73",
        "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "E3B0C44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    };
    static const uint8_t empty[] = {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14,
                                    0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
                                    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c,
                                    0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55};
    for (size_t i = 0; i < ELEMENTS(notations); i++) {
        struct registration r CLEANUP_REGISTRATION = {0};
        char *text CLEANUP_FREE = xasprintf(A "\n%s\n1\n\n0\n", notations[i]);
        assert_int_equal(parse(text, strlen(text), 64, &r, NULL), 0);
        assert_memory_equal(r.entries[0].hash, empty, sizeof empty);
    }
}

#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct {
    const char *text, *where, *reason;
} bad[] = {
    {A "\n" H1 "12\n\n0", "reg:5:", "truncated"},
    {A "\n" H1 "12\n", "reg:4:", "a deriver, or an empty line should follow"},
    {A "\n" H1 "12\n\n2\n" B "\n", "reg:7:", "within the entry of " A},
    {A "\n" H1 "12\n\n1\n" B, "reg:6:", "truncated"},
    {A "\n" H1 "12\n\n0\n\n", "reg:6:", "not a path in the store /nix/store"},
    {A "\n" H1 "12\n\n1\n" A "\n" B "\n", "reg:8:", "begins in line 7"},
    {A "\n" H1 "12\n\n2\n" B "\n" H1, "reg:7:", "not a path in the store"},
    {"\n", "reg:1:", "not a path in the store"},
    {A "\nsha256:zz\n", "reg:2:", "wrong length"},
    {A "\nsha256:g111111111111111111111111111111111111111111111111111111111111111\n",
     "reg:2:", "not a digit"},
    {A "\nmd5:d41d8cd98f00b204e9800998ecf8427e\n", "reg:2:", "not a SHA-256"},
    {A "\nsha256:zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz\n", "reg:2:", "not a digit"},
    {A "\n" H1 "-5\n", "reg:3:", "not a number of bytes"},
    {A "\n" H1 "+\n", "reg:3:", "not a number of bytes"},
    {A "\n" H1 "0x5\n", "reg:3:", "not a number of bytes"},
    {A "\n" H1 "\n", "reg:3:", "not a number of bytes"},
    {A "\n" H1 "18446744073709551616\n", "reg:3:", "not a number of bytes"},
    {A "\n" H1 "1\nnone\n", "reg:4:", "\"none\""},
    {A "\n" H1 "1\n\n-1\n", "reg:5:", "number of references"},
    {A "\n" H1 "1\n\n4294967297\n", "reg:5:", "number of references"},
    {A "\n" H1 "1\n\n2147483647\n" B "\n", "reg:7:", "a reference should follow"},
    {"/gnu/store/00000000000000000000000000000001-a\n", "reg:1:", "in the store /nix/store"},
    {A "/bin\n", "reg:1:", "a file in one"},
    {A "/\n", "reg:1:", "a file in one"},
    {"/nix/store/0001-a\n", "reg:1:", "too short"},
    {"/nix/store/0000000000000000000000000000000e-a\n", "reg:1:", "base 32"},
    {"/nix/store/00000000000000000000000000000001_a\n", "reg:1:", "no '-'"},
    {"/nix/store/00000000000000000000000000000001-\n", "reg:1:", "no name"},
    {"/nix/store/00000000000000000000000000000001-a*\n", "reg:1:", "forbidden character"},
    {"/nix/store/00000000000000000000000000000001-" X50 X50 X50 X50 X50 "\n", "reg:1:", "longer"},
    {A "\r\n" H1, "reg:1:", "forbidden character"},
    {A "\n" H1 "1\n\n1\n" B "\n" B "\n" H1 "1\n\n1\n" A "\n", "reg:", "a cycle"},
};

static void a_bad_line_is_named_with_its_number_and_the_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(bad); i++) {
        for (size_t block = 1; block < 300; block += 49) {
            struct registration r CLEANUP_REGISTRATION = {0};
            struct error e CLEANUP_ERROR = {0};
            assert_int_equal(parse(bad[i].text, strlen(bad[i].text), block, &r, &e), -EBADMSG);
            assert_error_names(e, bad[i].where, bad[i].reason);
            assert_null(r.entries);
        }
    }
}

static void a_nul_is_an_error_wherever_it_stands(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof three - 1; i++) {
        char text[sizeof three];
        struct registration r CLEANUP_REGISTRATION = {0};
        struct error e CLEANUP_ERROR = {0};
        memcpy(text, three, sizeof three);
        text[i] = '\0';
        assert_int_equal(parse(text, sizeof three - 1, 4096, &r, &e), -EBADMSG);
        assert_error_names(e, "reg:");
    }
}

static void a_file_cut_off_anywhere_is_an_error(void **state)
{
    (void)state;
    for (size_t length = 1; length < sizeof three - 1; length++) {
        struct registration r CLEANUP_REGISTRATION = {0};
        struct error e CLEANUP_ERROR = {0};
        int code = parse(three, length, 4096, &r, &e);
        bool between_entries = strncmp(three + length, B "\n" H2 "0", strlen(B "\n" H2 "0")) == 0 ||
                               strncmp(three + length, A "\n" H2, strlen(A "\n" H2)) == 0;
        assert_int_equal(code, between_entries ? 0 : -EBADMSG);
    }
}

static void a_line_of_100_megabytes_is_refused_without_being_held(void **state)
{
    (void)state;
    enum { BLOCK = 1 << 20, BLOCKS = 100 };
    struct registrationparser *parser CLEANUP_REGISTRATIONPARSER =
        registrationparser_new("/nix/store", "reg");
    char *block CLEANUP_FREE = xcalloc(BLOCK, 1);
    memset(block, 'x', BLOCK);
    struct error e CLEANUP_ERROR = {0};
    int code = 0, fed = 0;
    for (; fed < BLOCKS && code == 0; fed++)
        code = registrationparser_feed(parser, block, BLOCK, &e);
    assert_int_equal(code, -EBADMSG);
    assert_int_equal(fed, 1);
    assert_error_names(e, "reg:1:", "xxx...", "longer");
}

static void a_long_cycle_is_found_and_a_long_chain_is_none(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    for (int closed = 0; closed < 2; closed++) {
        char *text = NULL;
        size_t length;
        FILE *f = open_memstream(&text, &length);
        for (int i = 0; i < COUNT; i++) {
            bool last = i == COUNT - 1;
            (void)fprintf(f, "/nix/store/%032d-x\n" H1 "1\n\n%d\n", i, last ? closed : 1);
            if (!last || closed)
                (void)fprintf(f, "/nix/store/%032d-x\n", last ? 0 : i + 1);
        }
        (void)fclose(f);
        struct registration r CLEANUP_REGISTRATION = {0};
        struct error e CLEANUP_ERROR = {0};
        assert_int_equal(parse(text, length, 1 << 20, &r, &e), closed ? -EBADMSG : 0);
        if (closed)
            assert_error_names(e, "a cycle");
        free(text);
    }
}

static void another_store_directory_can_be_asked_for(void **state)
{
    (void)state;
    static const char text[] = "/tmp/s/00000000000000000000000000000001-a\n" H1 "1\n\n0\n";
    struct registrationparser *parser CLEANUP_REGISTRATIONPARSER =
        registrationparser_new("/tmp/s", "reg");
    struct registration r CLEANUP_REGISTRATION = {0};
    assert_int_equal(registrationparser_feed(parser, text, sizeof text - 1, NULL), 0);
    assert_int_equal(registrationparser_finish(parser, &r, NULL), 0);
    assert_int_equal(r.entry_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_come_sorted_with_each_reference_once),
        cmocka_unit_test(an_empty_file_registers_nothing),
        cmocka_unit_test(of_two_entries_for_a_path_the_last_one_stands),
        cmocka_unit_test(a_hash_is_read_in_each_of_nixs_notations),
        cmocka_unit_test(a_bad_line_is_named_with_its_number_and_the_reason),
        cmocka_unit_test(a_nul_is_an_error_wherever_it_stands),
        cmocka_unit_test(a_file_cut_off_anywhere_is_an_error),
        cmocka_unit_test(a_line_of_100_megabytes_is_refused_without_being_held),
        cmocka_unit_test(a_long_cycle_is_found_and_a_long_chain_is_none),
        cmocka_unit_test(another_store_directory_can_be_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
