/* SPDX-License-Identifier: MIT */
#include "host/prepare/growdisk.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/units.h"
#include "host/prepare/tool.h"
#include "host/system/imageformat.h"

/* The header of a qcow2 image has the size of the disk here (docs/interop/qcow2.txt). */
#define QCOW2_SIZE 24

/* Chooses the format as the plan does for the drive (imageformat.h); NULL: it does not grow. */
static const char *find_format(const char *path)
{
    const char *header = NULL;

    switch (imageformat_find(path, &header)) {
    case IMAGE_RAW:
    case IMAGE_RAW_NEW:
    case IMAGE_RAW_NEVER:
    case IMAGE_RAW_CHANGED:
        return "raw";
    case IMAGE_UNKNOWN:
        return header && streq(header, "qcow2") ? "qcow2" : NULL;
    case IMAGE_AMBIGUOUS:
        break;
    }
    return NULL;
}

/* Reads the size of the disk in the image. Returns 0, or a negative errno with the reason. */
static int read_size(const char *path, const char *format, uint64_t *bytes, struct error *e)
{
    int fd CLEANUP_CLOSE = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    uint64_t size;

    if (fd < 0 || fstat(fd, &st) < 0)
        return error_errno(e, errno, "%s", path);
    if (!S_ISREG(st.st_mode) || !format)
        return error_set(e, -EINVAL,
                         "%s: cannot grow: is %s, expected a raw or qcow2 image in a file; grow it "
                         "by its own tools",
                         path, S_ISREG(st.st_mode) ? "of another format" : "no file");
    *bytes = (uint64_t)st.st_size;
    if (streq(format, "raw"))
        return 0;
    if (pread(fd, &size, sizeof size, QCOW2_SIZE) != sizeof size)
        return error_set(e, -EINVAL, "%s: cannot grow: its header is cut off", path);
    *bytes = be64toh(size);
    return 0;
}

/* A size as a message shows it; the caller frees. */
static char *show(uint64_t bytes)
{
    return bytes % MIB == 0 ? xasprintf("%" PRIu64 "M", bytes / MIB)
                            : xasprintf("%" PRIu64 " bytes", bytes);
}

int growdisk(const char *qemu_img, const char *path, uint64_t bytes, struct error *e)
{
    const char *format = find_format(path);
    uint64_t size = 0;
    int r = read_size(path, format, &size, e);

    if (r < 0)
        return r;
    if (size > bytes) {
        char *is CLEANUP_FREE = show(size);
        char *asked CLEANUP_FREE = show(bytes);

        return error_set(e, -EINVAL,
                         "%s: cannot shrink: its disk has %s, which is more than %s; give it at "
                         "least its present size",
                         path, is, asked);
    }
    if (size == bytes)
        return 0;
    char *wanted CLEANUP_FREE = xasprintf("%" PRIu64, bytes);
    const char *const words[] = {qemu_img, "resize", "-q", "-f", format, path, wanted};
    r = tool_run_words(words, ELEMENTS(words), e);
    return r < 0 ? error_context(e, r, "%s: cannot grow", path) : 0;
}
