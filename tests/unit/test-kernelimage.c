/* SPDX-License-Identifier: MIT */
#include "host/initrd/kernelimage.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "host/initrd/decompress.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

#define KERNEL_SIZE 100000
#define SETUP_SIZE  2048 /* boot sector and three sectors of setup code */

/* A kernel as small as can be: an ELF header, one segment of everything, one of two notes. */
struct kernel {
    Elf64_Ehdr header;
    Elf64_Phdr whole;
    Elf64_Phdr segment;
    Elf64_Nhdr other_note;
    char other_name[4];
    Elf64_Nhdr note;
    char name[4];
    uint64_t entry;
    char rest[KERNEL_SIZE];
};

static struct kernel *new_kernel(void)
{
    struct kernel *kernel = xcalloc(1, sizeof *kernel);
    (void)memcpy(kernel->header.e_ident, ELFMAG, SELFMAG);
    kernel->header.e_ident[EI_CLASS] = ELFCLASS64;
    kernel->header.e_ident[EI_DATA] = ELFDATA2LSB;
    kernel->header.e_machine = EM_X86_64;
    kernel->header.e_phentsize = sizeof(Elf64_Phdr);
    kernel->header.e_phoff = offsetof(struct kernel, whole);
    kernel->header.e_phnum = 2;
    kernel->whole = (Elf64_Phdr){.p_type = PT_LOAD, .p_filesz = sizeof *kernel};
    kernel->segment = (Elf64_Phdr){.p_type = PT_NOTE,
                                   .p_offset = offsetof(struct kernel, other_note),
                                   .p_filesz = offsetof(struct kernel, rest) -
                                               offsetof(struct kernel, other_note)};
    kernel->other_note = (Elf64_Nhdr){.n_namesz = 4, .n_type = 18};
    (void)memcpy(kernel->other_name, "Not", 4);
    kernel->note = (Elf64_Nhdr){.n_namesz = 4, .n_descsz = sizeof kernel->entry, .n_type = 18};
    (void)memcpy(kernel->name, "Xen", 4);
    for (size_t i = 0; i < sizeof kernel->rest; i++)
        kernel->rest[i] = (char)(i * i >> 7);
    return kernel;
}

/* Writes SCRATCH/bzImage with the kernel compressed by a command. */
static void write_bzimage(const char *scratch, const struct kernel *kernel, const char *compressor,
                          bool with_size)
{
    char *plain CLEANUP_FREE = scratch_path(scratch, "vmlinux");
    FILE *f = fopen(plain, "we");
    assert_int_equal(fwrite(kernel, sizeof *kernel, 1, f), 1);
    assert_int_equal(fclose(f), 0);
    char *command CLEANUP_FREE =
        xasprintf("cd '%s' && %s < vmlinux > payload", scratch, compressor);
    scratch_run("sh", "-c", command);
    char *path CLEANUP_FREE = scratch_path(scratch, "payload");
    size_t size = 0;
    char *payload CLEANUP_FREE = file_read(path, FILE_LIMIT, &size, NULL);
    uint32_t length = (uint32_t)size + (with_size ? 4 : 0);

    char image[SETUP_SIZE] = {0};
    const uint32_t offset = 100;
    image[0x1f1] = SETUP_SIZE / 512 - 1;
    (void)memcpy(image + 0x202, "HdrS\x0f\x02", 6);
    (void)memcpy(image + 0x248, &offset, sizeof offset);
    (void)memcpy(image + 0x24c, &length, sizeof length);
    char *bzimage CLEANUP_FREE = scratch_path(scratch, "bzImage");
    f = fopen(bzimage, "we");
    const uint32_t unpacked = sizeof *kernel;
    static const char code[100];
    assert_int_equal(fwrite(image, sizeof image, 1, f), 1);
    assert_int_equal(fwrite(code, sizeof code, 1, f), 1);
    assert_int_equal(fwrite(payload, size, 1, f), 1);
    if (with_size)
        assert_int_equal(fwrite(&unpacked, sizeof unpacked, 1, f), 1);
    assert_int_equal(fwrite("signature and more", 18, 1, f), 1);
    assert_int_equal(fclose(f), 0);
}

/* The kernel that would be started for SCRATCH/bzImage; the caller frees. */
static char *chosen(const char *scratch)
{
    char *source CLEANUP_FREE = scratch_path(scratch, "bzImage");
    char *path = NULL;
    int lock = -1;
    struct error e CLEANUP_ERROR = {0};
    if (kernelimage_get(source, scratch, &path, &lock, &e) < 0)
        fail_msg("%s", e.message);
    if (lock >= 0)
        (void)close(lock);
    return path;
}

static int setup(void **state)
{
    char *scratch = scratch_new();
    char *cache CLEANUP_FREE = scratch_path(scratch, "cache");
    (void)setenv("XDG_CACHE_HOME", cache, 1);
    *state = scratch;
    return 0;
}

static int teardown(void **state)
{
    scratch_free((char **)state);
    return 0;
}

static void every_compression_is_unpacked(void **state)
{
    static const struct {
        const char *command;
        bool with_size;
    } cases[] = {
        {"gzip -n9", false},           {"bzip2 -9", true},
        {"xz --format=lzma -9", true}, {"zstd -q -22 --ultra", true},
        {"lz4 -q -l -9", true},        {"xz --check=crc32 --x86 --lzma2=dict=32MiB", true},
    };
    struct kernel *kernel CLEANUP_FREE = new_kernel();
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        write_bzimage(*state, kernel, cases[i].command, cases[i].with_size);
        char *path CLEANUP_FREE = chosen(*state);
        size_t size = 0;
        char *unpacked CLEANUP_FREE = file_read(path, FILE_LIMIT, &size, NULL);
        if (size != sizeof *kernel)
            fail_msg("%s: %zu bytes", cases[i].command, size);
        assert_memory_equal(unpacked, kernel, sizeof *kernel);
    }
}

/* Changes the size that a kernel says it has, the last thing in its payload. */
static void promise(const char *scratch, uint32_t size)
{
    char *bzimage CLEANUP_FREE = scratch_path(scratch, "bzImage");
    FILE *f = fopen(bzimage, "r+e");
    assert_int_equal(fseek(f, -18 - (long)sizeof size, SEEK_END), 0);
    assert_int_equal(fwrite(&size, sizeof size, 1, f), 1);
    assert_int_equal(fclose(f), 0);
}

static void a_kernel_that_says_too_little_is_refused(void **state)
{
    struct kernel *kernel CLEANUP_FREE = new_kernel();
    const char *scratch = *state;
    char *source CLEANUP_FREE = scratch_path(scratch, "bzImage");
    write_bzimage(scratch, kernel, "zstd -q", true);
    promise(scratch, sizeof *kernel - 1);
    char *path = NULL;
    int lock = -1;
    struct error e CLEANUP_ERROR = {0};
    assert_int_equal(kernelimage_get(source, scratch, &path, &lock, &e), -EFBIG);
    assert_error_names(e, source, "come out");
}

static void expect_as_it_is(const char *scratch)
{
    char *source CLEANUP_FREE = scratch_path(scratch, "bzImage");
    for (int i = 0; i < 2; i++) {
        char *path CLEANUP_FREE = chosen(scratch);
        assert_string_equal(path, source);
    }
}

static void a_kernel_that_says_too_much_is_left_alone(void **state)
{
    struct kernel *kernel CLEANUP_FREE = new_kernel();
    write_bzimage(*state, kernel, "zstd -q", true);
    promise(*state, UINT32_C(257) << 20);
    expect_as_it_is(*state);
}

static void a_kernel_without_the_note_is_started_as_it_is(void **state)
{
    struct kernel *kernel CLEANUP_FREE = new_kernel();
    kernel->note.n_type = 17;
    write_bzimage(*state, kernel, "gzip", false);
    expect_as_it_is(*state);
}

static void notes_that_end_too_soon_are_none(void **state)
{
    struct kernel *kernel CLEANUP_FREE = new_kernel();
    kernel->note.n_namesz = UINT32_MAX;
    write_bzimage(*state, kernel, "gzip", false);
    expect_as_it_is(*state);
}

static void another_processor_s_kernel_is_started_as_it_is(void **state)
{
    struct kernel *kernel CLEANUP_FREE = new_kernel();
    kernel->header.e_machine = EM_386;
    write_bzimage(*state, kernel, "gzip", false);
    expect_as_it_is(*state);
}

static void a_damaged_kernel_is_started_as_it_is(void **state)
{
    struct kernel *kernel CLEANUP_FREE = new_kernel();
    write_bzimage(*state, kernel, "head -c 5000", true);
    expect_as_it_is(*state);
    write_bzimage(*state, kernel, "gzip | head -c 5000", false);
    expect_as_it_is(*state);
    char *source CLEANUP_FREE = scratch_path(*state, "bzImage");
    for (off_t size = 3000; size > 0; size -= 311) {
        assert_int_equal(truncate(source, size), 0);
        expect_as_it_is(*state);
    }
}

static void another_kind_of_kernel_is_started_as_it_is(void **state)
{
    scratch_write(*state, "bzImage", "an arm64 Image");
    expect_as_it_is(*state);
    char *cache CLEANUP_FREE = cache_directory();
    assert_int_not_equal(access(cache, F_OK), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_compression_is_unpacked),
        TEST(a_kernel_that_says_too_little_is_refused),
        TEST(a_kernel_that_says_too_much_is_left_alone),
        TEST(a_kernel_without_the_note_is_started_as_it_is),
        TEST(notes_that_end_too_soon_are_none),
        TEST(another_processor_s_kernel_is_started_as_it_is),
        TEST(a_damaged_kernel_is_started_as_it_is),
        TEST(another_kind_of_kernel_is_started_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
