/* SPDX-License-Identifier: MIT */
#include "common/bootconfig.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "tests/unit/unit.h"

static void words_of_one_name_become_an_array(void **state)
{
    (void)state;
    struct cmdline line CLEANUP_CMDLINE = {0};
    cmdline_add(&line, "vm.mount", "a:/a");
    cmdline_add(&line, "vm.msize", "4096");
    cmdline_add(&line, "vm.mount", "b \"c\":/b");
    char *text CLEANUP_FREE = bootconfig_format(&line, NULL);
    assert_string_equal(text, "vm.mount = \"a:/a\", 'b \"c\":/b'\nvm.msize = \"4096\"\n");
}

static void what_the_kernel_shows_is_read(void **state)
{
    (void)state;
    /* as fs/proc/bootconfig.c prints it, with what newer kernels add at the end */
    static const char shown[] = "kernel.quiet = \"\"\n"
                                "vm.mount = \"a:/a\", 'b \"c\":/b'\n"
                                "vm.flag = \"\"\n"
                                "vm.lines = \"one\ntwo\"\n"
                                "# Parameters from bootloader:\n"
                                "# console=ttyS0 bootconfig\n";
    struct cmdline line CLEANUP_CMDLINE = {0};
    assert_int_equal(bootconfig_parse(&line, shown, NULL), 0);
    assert_int_equal(line.count, 4);
    assert_string_equal(line.words[0].name, "vm.mount");
    assert_string_equal(line.words[0].value, "a:/a");
    assert_string_equal(line.words[1].value, "b \"c\":/b");
    assert_string_equal(line.words[2].name, "vm.flag");
    assert_null(line.words[2].value);
    assert_string_equal(line.words[3].value, "one\ntwo");
}

static void what_is_malformed_is_named_by_its_line(void **state)
{
    (void)state;
    static const char *const wrong[] = {"ok = \"1\"\nvm.x", "ok = \"1\"\nvm.x = 5\n",
                                        "\nvm.x = \"5\n", "\nvm.x = \"5\" \"6\"\n"};
    for (size_t i = 0; i < ELEMENTS(wrong); i++) {
        struct cmdline line CLEANUP_CMDLINE = {0};
        struct error e CLEANUP_ERROR = {0};
        assert_int_equal(bootconfig_parse(&line, wrong[i], &e), -EINVAL);
        assert_error_names(e, "/proc/bootconfig", "line 2");
    }
}

static uint32_t le32(const char *bytes)
{
    const unsigned char *b = (const unsigned char *)bytes;
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static void the_block_ends_as_the_kernel_looks_for_it(void **state)
{
    (void)state;
    for (size_t initrd_size = 1000; initrd_size < 1008; initrd_size++) {
        size_t size = 0;
        char *block CLEANUP_FREE = bootconfig_block("vm.a = \"1\"\n", initrd_size, &size);
        assert_int_equal((initrd_size + size) % 4, 0);
        assert_memory_equal(block + size - 12, "#BOOTCONFIG\n", 12);
        uint32_t data_size = le32(block + size - 20);
        assert_int_equal(data_size + 20, size);
        uint32_t sum = 0;
        for (size_t i = 0; i < data_size; i++)
            sum += (unsigned char)block[i];
        assert_int_equal(le32(block + size - 16), sum);
        assert_string_equal(block, "vm.a = \"1\"\n");
    }
}

static void more_than_a_kernel_takes_is_refused(void **state)
{
    (void)state;
    struct cmdline line CLEANUP_CMDLINE = {0};
    char *path CLEANUP_FREE = xcalloc(4001, 1);
    (void)memset(path, 'x', 4000);
    for (int i = 0; i < 9; i++)
        cmdline_add(&line, "vm.mount", path);
    struct error e CLEANUP_ERROR = {0};
    assert_null(bootconfig_format(&line, &e));
    assert_error_names(e, "32767");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_of_one_name_become_an_array),
        cmocka_unit_test(what_the_kernel_shows_is_read),
        cmocka_unit_test(what_is_malformed_is_named_by_its_line),
        cmocka_unit_test(the_block_ends_as_the_kernel_looks_for_it),
        cmocka_unit_test(more_than_a_kernel_takes_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
