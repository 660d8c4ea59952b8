/* SPDX-License-Identifier: MIT */
#include "host/initrd/ftrace.h"

#include <elf.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* An object file in memory. Its structures may be unaligned, so they are copied. */
struct object {
    char *data;
    size_t size;
    Elf64_Ehdr header;
};

static bool has(const struct object *o, uint64_t offset, uint64_t size)
{
    return offset <= o->size && size <= o->size - offset;
}

static bool read_header(struct object *o)
{
    static const char wanted[] = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB};
    if (!has(o, 0, sizeof o->header) || memcmp(o->data, wanted, sizeof wanted) != 0)
        return false;
    memcpy(&o->header, o->data, sizeof o->header);
    return o->header.e_type == ET_REL && o->header.e_machine == EM_X86_64 &&
           o->header.e_shentsize == sizeof(Elf64_Shdr);
}

/* Reads a section's header. Fails if the file does not contain the whole section. */
static bool read_section(const struct object *o, uint32_t index, Elf64_Shdr *section)
{
    if (index >= o->header.e_shnum || o->header.e_shoff > o->size)
        return false;
    uint64_t at = o->header.e_shoff + (uint64_t)index * sizeof *section;
    if (!has(o, at, sizeof *section))
        return false;
    memcpy(section, o->data + at, sizeof *section);
    return section->sh_type == SHT_NOBITS || has(o, section->sh_offset, section->sh_size);
}

/* Returns the index of __fentry__ in the symbol table, or 0. */
static uint64_t find_symbol(const struct object *o, const Elf64_Shdr *symbols)
{
    static const char name[] = "__fentry__";
    Elf64_Shdr names;
    if (!read_section(o, symbols->sh_link, &names) || names.sh_type != SHT_STRTAB)
        return 0;
    for (uint64_t i = 1; i < symbols->sh_size / sizeof(Elf64_Sym); i++) {
        Elf64_Sym symbol;
        memcpy(&symbol, o->data + symbols->sh_offset + i * sizeof symbol, sizeof symbol);
        if (symbol.st_name < names.sh_size && names.sh_size - symbol.st_name >= sizeof name &&
            memcmp(o->data + names.sh_offset + symbol.st_name, name, sizeof name) == 0)
            return i;
    }
    return 0;
}

/* Replaces a call of the symbol by a no-operation and drops its relocation; another relocation is
 * left unchanged. */
static void remove_call(struct object *o, const Elf64_Shdr *text, uint64_t at, uint64_t symbol)
{
    static const unsigned char call = 0xe8;
    static const unsigned char nop[5] = {0x0f, 0x1f, 0x44, 0x00, 0x00};
    Elf64_Rela entry;
    memcpy(&entry, o->data + at, sizeof entry);
    uint64_t type = ELF64_R_TYPE(entry.r_info);
    if (ELF64_R_SYM(entry.r_info) != symbol || (type != R_X86_64_PLT32 && type != R_X86_64_PC32) ||
        entry.r_offset < 1 || text->sh_size < sizeof nop - 1 ||
        entry.r_offset > text->sh_size - (sizeof nop - 1))
        return;
    char *instruction = o->data + text->sh_offset + entry.r_offset - 1;
    if ((unsigned char)*instruction != call)
        return;
    memcpy(instruction, nop, sizeof nop);
    entry.r_info = ELF64_R_INFO(0, R_X86_64_NONE);
    memcpy(o->data + at, &entry, sizeof entry);
}

void ftrace_remove(char *data, size_t size)
{
    struct object o = {.data = data, .size = size};
    if (!read_header(&o))
        return;
    for (uint32_t i = 1; i < o.header.e_shnum; i++) {
        Elf64_Shdr relocations;
        Elf64_Shdr text;
        Elf64_Shdr symbols;
        if (!read_section(&o, i, &relocations) || relocations.sh_type != SHT_RELA ||
            !read_section(&o, relocations.sh_info, &text) || text.sh_type != SHT_PROGBITS ||
            !read_section(&o, relocations.sh_link, &symbols) || symbols.sh_type != SHT_SYMTAB)
            continue;
        uint64_t symbol = find_symbol(&o, &symbols);
        for (uint64_t j = 0; symbol && j < relocations.sh_size / sizeof(Elf64_Rela); j++)
            remove_call(&o, &text, relocations.sh_offset + j * sizeof(Elf64_Rela), symbol);
    }
}
