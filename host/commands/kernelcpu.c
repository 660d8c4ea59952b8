/* SPDX-License-Identifier: MIT */
#include "host/commands/kernelcpu.h"

#include <elf.h>
#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "host/initrd/decompress.h"

/* The kernel's Documentation/arch/arm64/booting.rst and arch/riscv/boot-image-header.rst. */
#define IMAGE_MAGIC 56

/* Offset of the header that an EFI program has besides that of DOS. */
#define EFI_HEADER 0x3c

/* Any head of a kernel; the EFI header is right behind that of DOS. */
#define HEAD 512

/* Of a kernel that is compressed as a whole, the bytes that are unpacked to see its head. */
#define PACKED_HEAD ((size_t)64 << 10)

struct processor {
    const char *system;
    const char *image; /* the four bytes at IMAGE_MAGIC; NULL: none */
    uint16_t elf;      /* EM_* of a vmlinux; 0: none */
    uint16_t efi;      /* IMAGE_FILE_MACHINE_* of the PE format, also a bzImage's; 0: none */
};

static const struct processor processors[] = {
    {"aarch64-linux", "ARM\x64", EM_AARCH64, 0xaa64},
    {"riscv64-linux", "RSC\x05", EM_RISCV, 0x5064},
    {"x86_64-linux", NULL, EM_X86_64, 0x8664},
    {"i686-linux", NULL, 0, 0x14c},
    {"powerpc64le-linux", NULL, EM_PPC64, 0},
};

static uint16_t get16(const char *at)
{
    uint16_t number;

    (void)memcpy(&number, at, sizeof number);
    return le16toh(number);
}

/* Returns the machine of an EFI program, or 0. */
static uint16_t efi_machine(const char *head)
{
    size_t at = get16(head + EFI_HEADER);

    if (memcmp(head, "MZ", 2) != 0 || at > HEAD - 6 || memcmp(head + at, "PE\0\0", 4) != 0)
        return 0;
    return get16(head + at + 4);
}

/* Returns the machine of a 64-bit, little-endian ELF file, or 0. */
static uint16_t elf_machine(const char *head)
{
    bool known = memcmp(head, ELFMAG, SELFMAG) == 0 && head[EI_CLASS] == ELFCLASS64 &&
                 head[EI_DATA] == ELFDATA2LSB;

    return known ? get16(head + offsetof(Elf64_Ehdr, e_machine)) : 0;
}

static bool is_for(const char *head, const struct processor *processor)
{
    return (processor->image && memcmp(head + IMAGE_MAGIC, processor->image, 4) == 0) ||
           (processor->elf && elf_machine(head) == processor->elf) ||
           (processor->efi && efi_machine(head) == processor->efi);
}

/* Reads the head of the kernel, be it compressed by gzip. Returns whether there is one. */
static bool read_head(const char *path, char head[HEAD])
{
    char *start CLEANUP_FREE = xcalloc(PACKED_HEAD, 1);
    ssize_t size = file_read_head(path, start, PACKED_HEAD);

    if (size < HEAD)
        return false;
    if (memcmp(start, "\x1f\x8b", 2) == 0)
        return decompress_head(start, (size_t)size, head, HEAD, NULL) == 0;
    (void)memcpy(head, start, HEAD);
    return true;
}

const char *kernelcpu_of(const char *path)
{
    char head[HEAD];

    if (!read_head(path, head))
        return NULL;
    for (size_t i = 0; i < ELEMENTS(processors); i++)
        if (is_for(head, &processors[i]))
            return processors[i].system;
    return NULL;
}
