/* SPDX-License-Identifier: MIT */
#include <elf.h>
#include <fcntl.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "host/commands/kernelcpu.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

#define SIZE 4096

/* Some bytes of a head. */
struct part {
    size_t offset;
    const char *bytes;
    size_t length;
};

#define PART(offset, bytes)                                                                        \
    {                                                                                              \
        offset, bytes, sizeof(bytes) - 1                                                           \
    }

static const struct {
    const char *name;
    struct part parts[3];
    const char *system;
} heads[] = {
    {"Image of arm64", {PART(0, "MZ"), PART(56, "ARM\x64")}, "aarch64-linux"},
    {"Image of riscv", {PART(0, "MZ"), PART(48, "RISCV"), PART(56, "RSC\x05")}, "riscv64-linux"},
    {"zboot of arm64",
     {PART(0, "MZ\0\0zimg"), PART(0x3c, "\x40"), PART(0x40, "PE\0\0\x64\xaa")},
     "aarch64-linux"},
    {"zboot of riscv64",
     {PART(0, "MZ\0\0zimg"), PART(0x3c, "\x40"), PART(0x40, "PE\0\0\x64\x50")},
     "riscv64-linux"},
    {"vmlinux of arm64", {PART(0, ELFMAG "\2\1"), PART(18, "\xb7")}, "aarch64-linux"},
    {"vmlinux of riscv64", {PART(0, ELFMAG "\2\1"), PART(18, "\xf3")}, "riscv64-linux"},
    {"vmlinux of riscv32", {PART(0, ELFMAG "\1\1"), PART(18, "\xf3")}, NULL},
    {"vmlinux of ppc64le", {PART(0, ELFMAG "\2\1"), PART(18, "\x15")}, "powerpc64le-linux"},
    {"vmlinux of ppc64", {PART(0, ELFMAG "\2\2"), PART(19, "\x15")}, NULL},
    {"bzImage of x86-64",
     {PART(0, "MZ"), PART(0x3c, "\x40"), PART(0x40, "PE\0\0\x64\x86")},
     "x86_64-linux"},
    {"bzImage of i686",
     {PART(0, "MZ"), PART(0x3c, "\x40"), PART(0x40, "PE\0\0\x4c\x01")},
     "i686-linux"},
    {"bzImage without an EFI stub", {PART(0, "MZ"), PART(0x202, "HdrS")}, NULL},
    {"header beyond the head", {PART(0, "MZ"), PART(0x3c, "\xfc\x01")}, NULL},
    {"damaged gzip", {PART(0, "\x1f\x8b")}, NULL},
};

static void a_kernel_tells_its_processor(void **state)
{
    char *scratch CLEANUP_SCRATCH = scratch_new();

    (void)state;
    for (size_t i = 0; i < ELEMENTS(heads); i++) {
        char head[SIZE] = {0};

        for (size_t j = 0; j < ELEMENTS(heads[i].parts); j++)
            if (heads[i].parts[j].bytes)
                (void)memcpy(head + heads[i].parts[j].offset, heads[i].parts[j].bytes,
                             heads[i].parts[j].length);
        char *path CLEANUP_FREE = xasprintf("%s/%zu", scratch, i);
        assert_int_equal(file_create_at(AT_FDCWD, path, 0600, head, sizeof head, NULL), 0);
        const char *system = kernelcpu_of(path);
        if (!system != !heads[i].system || (system && strcmp(system, heads[i].system) != 0))
            fail_msg("%s: %s", heads[i].name, system ? system : "unknown");
    }
}

static void a_file_that_is_no_kernel_is_of_no_processor(void **state)
{
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *path CLEANUP_FREE = scratch_path(scratch, "kernel");

    (void)state;
    assert_null(kernelcpu_of(path));
    scratch_write(scratch, "kernel", "short");
    assert_null(kernelcpu_of(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kernel_tells_its_processor),
        cmocka_unit_test(a_file_that_is_no_kernel_is_of_no_processor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
