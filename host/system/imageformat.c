/* SPDX-License-Identifier: MIT */
#include "host/system/imageformat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"

#define RECORD     "user.run-vm.format"
#define RECORD_RAW "raw"

#define HEADER_SIZE 512

/* The magic numbers that QEMU's drivers probe for (block/, the .bdrv_probe functions). */
static const struct {
    const char *format;
    size_t at;
    const char *magic;
    size_t length;
} headers[] = {
    {"qcow2", 0, "QFI\xfb", 4},
    {"qed", 0, "QED\0", 4},
    {"vmdk", 0, "KDMV", 4},
    {"vmdk", 0, "COWD", 4},
    {"vmdk", 0, "# Disk DescriptorFile", 21},
    {"vdi", 0x40, "\x7f\x10\xda\xbe", 4},
    {"vhdx", 0, "vhdxfile", 8},
    {"vpc", 0, "conectix", 8},
    {"parallels", 0, "WithoutFreeSpace", 16},
    {"parallels", 0, "WithouFreSpacExt", 16},
    {"luks", 0, "LUKS\xba\xbe", 6},
    {"bochs", 0, "Bochs Virtual HD Image", 22},
    {"cloop", 0, "#!/bin/sh\n#V2.0 Format\nmodprobe cloop", 37},
};

static const char *find_header(const char *bytes, size_t length)
{
    for (size_t i = 0; i < ELEMENTS(headers); i++)
        if (headers[i].at + headers[i].length <= length &&
            !memcmp(bytes + headers[i].at, headers[i].magic, headers[i].length))
            return headers[i].format;
    return NULL;
}

/* True for a name by which QEMU's dmg driver recognizes an image. */
static bool is_named_otherwise(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && streq(dot, ".dmg");
}

/* True if a raw disk may begin so: a guest may put LUKS on the whole disk. */
static bool may_be_raw(const char *header)
{
    return !header || streq(header, "luks");
}

/* Judges a file by its record; without one, by its header, its name and whether it can be recorded.
 */
static enum imageformat read_record(int fd, const char *path, const char *header)
{
    char value[sizeof RECORD_RAW] = "";
    ssize_t length = fgetxattr(fd, RECORD, value, sizeof value);
    bool none = length < 0 && errno == ENODATA;
    if (length == (ssize_t)strlen(RECORD_RAW) && !strncmp(value, RECORD_RAW, strlen(RECORD_RAW)))
        return may_be_raw(header) ? IMAGE_RAW : IMAGE_RAW_CHANGED;
    if (header || is_named_otherwise(path))
        return IMAGE_UNKNOWN;
    return none && access(path, W_OK) == 0 ? IMAGE_RAW_NEW : IMAGE_RAW_NEVER;
}

enum imageformat imageformat_find(const char *path, const char **header)
{
    *header = NULL;
    /* opening another type of file has effects: it unblocks the writer of a FIFO, starts a watchdog
     */
    struct stat st;
    if (stat(path, &st) < 0 || (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)))
        return IMAGE_UNKNOWN;
    int fd CLEANUP_CLOSE = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return IMAGE_UNKNOWN;
    char bytes[HEADER_SIZE];
    ssize_t length = pread(fd, bytes, sizeof bytes, 0);
    if (length < 0)
        return IMAGE_UNKNOWN;
    *header = find_header(bytes, (size_t)length);
    if (S_ISREG(st.st_mode))
        return read_record(fd, path, *header);
    return may_be_raw(*header) ? IMAGE_RAW : IMAGE_AMBIGUOUS;
}

int imageformat_record_raw(const char *path, struct error *e)
{
    if (setxattr(path, RECORD, RECORD_RAW, strlen(RECORD_RAW), 0) < 0)
        return error_errno(e, errno,
                           "%s: cannot record that it is a raw image (" RECORD
                           "; or set \"format\": \"raw\" in the drive's driveExtraOpts)",
                           path);
    return 0;
}
