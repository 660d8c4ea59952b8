/* SPDX-License-Identifier: MIT */
#include "host/initrd/kernelimage.h"

#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "host/initrd/decompress.h"
#include "host/initrd/lazylibs.h"
#include "host/system/progress.h"
#include "host/system/tree.h"

/* Version of the format; increased when the same inputs shall give other bytes. */
#define FORMAT 1

#define NAME      "vmlinux"
#define NO_KERNEL "not-unpacked" /* marks the entry of a kernel that is started as it is */

/* The kernel's Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header". */
#define SETUP_SECTORS   0x1f1
#define HEADER_MAGIC    0x202 /* "HdrS" */
#define HEADER_VERSION  0x206
#define PAYLOAD_OFFSET  0x248 /* from the end of the setup code; since version 2.08 */
#define PAYLOAD_LENGTH  0x24c
#define HEADER_END      0x250
#define PAYLOAD_VERSION 0x0208
#define SECTOR          512

/* Largest kernel to unpack; a larger one is left for the guest to unpack. Debian's has 63 MiB. */
#define KERNEL_LIMIT ((size_t)256 << 20)

/* ELF note with the entry point of a PVH kernel (include/xen/interface/elfnote.h). */
#define NOTE_NAME         "Xen"
#define NOTE_PHYS32_ENTRY 18

static uint32_t get32(const char *at)
{
    uint32_t number;
    (void)memcpy(&number, at, sizeof number);
    return le32toh(number);
}

static uint16_t get16(const char *at)
{
    uint16_t number;
    (void)memcpy(&number, at, sizeof number);
    return le16toh(number);
}

/* Finds the compressed kernel. Returns its length, or 0 if the image is not a bzImage that has
 * one. */
static size_t find_payload(const char *image, size_t size, const char **payload)
{
    if (size < HEADER_END || memcmp(image + HEADER_MAGIC, "HdrS", 4) != 0 ||
        get16(image + HEADER_VERSION) < PAYLOAD_VERSION)
        return 0;
    /* 0 sectors of setup code mean 4, and the boot sector comes before them */
    size_t sectors = (unsigned char)image[SETUP_SECTORS];
    size_t start = ((sectors ? sectors : 4) + 1) * SECTOR + get32(image + PAYLOAD_OFFSET);
    size_t length = get32(image + PAYLOAD_LENGTH);
    if (start >= size || length > size - start || length < 8)
        return 0;
    *payload = image + start;
    return length;
}

/* True if a note segment has the PVH entry point. */
static bool has_entry_note(const char *notes, size_t size)
{
    while (size >= sizeof(Elf64_Nhdr)) {
        Elf64_Nhdr note;
        (void)memcpy(&note, notes, sizeof note);
        size_t name_size = ((size_t)note.n_namesz + 3) & ~(size_t)3;
        size_t content_size = ((size_t)note.n_descsz + 3) & ~(size_t)3;
        if (name_size > size - sizeof note || content_size > size - sizeof note - name_size)
            return false;
        if (note.n_type == NOTE_PHYS32_ENTRY && note.n_namesz == sizeof NOTE_NAME &&
            memcmp(notes + sizeof note, NOTE_NAME, sizeof NOTE_NAME) == 0)
            return true;
        size_t whole = sizeof note + name_size + content_size;
        notes += whole;
        size -= whole;
    }
    return false;
}

/* True if QEMU can start this image through PVH. */
static bool starts_by_pvh(const char *image, size_t size)
{
    Elf64_Ehdr header;
    if (size < sizeof header)
        return false;
    (void)memcpy(&header, image, sizeof header);
    if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
        header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_machine != EM_X86_64 ||
        header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phoff > size ||
        (size - header.e_phoff) / sizeof(Elf64_Phdr) < header.e_phnum)
        return false;
    bool has_entry = false;
    for (size_t i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr segment;
        (void)memcpy(&segment, image + header.e_phoff + i * sizeof segment, sizeof segment);
        if (segment.p_offset > size || segment.p_filesz > size - segment.p_offset)
            return false; /* truncated */
        if (segment.p_type == PT_NOTE)
            has_entry |= has_entry_note(image + segment.p_offset, segment.p_filesz);
    }
    return has_entry;
}

/* The same for a file, which no other process writes to. */
static bool file_starts_by_pvh(const char *path)
{
    struct stat st;
    int fd CLEANUP_CLOSE = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0 || st.st_size == 0)
        return false;
    size_t size = (size_t)st.st_size;
    void *image = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    bool starts = image != MAP_FAILED && starts_by_pvh(image, size);
    if (image != MAP_FAILED)
        (void)munmap(image, size);
    return starts;
}

/* Unpacks a bzImage's payload into a new file. Returns 1, 0 if there is none, it is damaged or
 * cannot be started through PVH, or a negative errno. */
static int unpack(const char *image, size_t size, const char *path, struct error *e)
{
    const char *payload = NULL;
    size_t length = find_payload(image, size, &payload);
    if (length == 0)
        return 0;
    /* the kernel's build appends the unpacked size; gzip's own format ends with it */
    bool gzip = memcmp(payload, "\x1f\x8b", 2) == 0;
    size_t promised = get32(payload + length - 4);
    if (promised > KERNEL_LIMIT)
        return 0;
    struct error failure CLEANUP_ERROR = {0};
    struct progress progress =
        progress_start("unpacking the kernel, once", "takes a moment", PROGRESS_BYTES, promised);
    int r = decompress_to(path, payload, gzip ? length : length - 4, promised, &progress, &failure);
    progress_end(&progress);
    if (r == 0)
        return file_starts_by_pvh(path);
    if (r == -EINVAL)
        return 0;
    (void)error_set(e, r, "%s", failure.message);
    return error_status(e, r, failure.status);
}

static int make(const char *directory, struct cache_inputs *inputs, void *context, struct error *e)
{
    (void)inputs;
    size_t size = 0;
    char *image CLEANUP_FREE = file_read(context, FILE_LIMIT, &size, e);
    if (!image)
        return -EIO;
    /* that libarchive is missing must not be cached */
    if (!lazylibs_archive(e))
        return -ENOENT;
    char *kernel CLEANUP_FREE = xasprintf("%s/" NAME, directory);
    int r = unpack(image, size, kernel, e);
    if (r < 0)
        return error_context(e, r, "%s", (const char *)context);
    if (r > 0)
        return 0;
    (void)unlink(kernel);
    char *mark CLEANUP_FREE = xasprintf("%s/" NO_KERNEL, directory);
    return file_create_at(AT_FDCWD, mark, 0644, "", 0, e);
}

/* Returns 1 for a bzImage, 0 for another file, which needs no cache entry, or a negative errno.
 * Refuses a FIFO, on which QEMU would wait forever. */
static int is_bzimage(const char *source, struct error *e)
{
    char head[HEADER_END];
    struct stat st;
    int fd CLEANUP_CLOSE = open(source, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) < 0)
        return error_errno(e, errno, "%s", source);
    if (!S_ISREG(st.st_mode))
        return error_set(e, -EINVAL, "%s: not a regular file, expected a kernel", source);
    return read(fd, head, sizeof head) == (ssize_t)sizeof head &&
           memcmp(head + HEADER_MAGIC, "HdrS", 4) == 0;
}

int kernelimage_get(const char *source, const char *fallback, char **path, int *lock,
                    struct error *e)
{
    *path = NULL;
    *lock = -1;
    int packed = is_bzimage(source, e);
    if (packed < 0)
        return packed;
    if (!packed) {
        *path = xstrdup(source);
        return 0;
    }
    struct cache_key key;
    cache_key_start(&key, "vmlinux", FORMAT);
    cache_key_file(&key, source);
    char *image CLEANUP_FREE = xstrdup(source);
    const struct cache_request request = {
        .kind = "vmlinux", .key = &key, .make = make, .context = image, .fallback = fallback};
    struct cache_entry entry;
    int r = cache_get(&entry, &request, e);
    if (r < 0)
        return r;
    *lock = entry.lock;
    *path = xasprintf("%s/" NAME, entry.path);
    if (access(*path, F_OK) < 0) {
        free(*path);
        *path = xstrdup(source);
        if (*lock < 0)
            (void)tree_remove(entry.path, NULL);
    }
    free(entry.path);
    return 0;
}
