/* SPDX-License-Identifier: MIT */
#include "host/prepare/formatteddisk.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "host/prepare/tool.h"
#include "host/system/atomicfile.h"

static int make_sparse(const char *path, uint64_t bytes, struct error *e)
{
    int fd CLEANUP_CLOSE = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)bytes) < 0)
        return error_errno(e, errno, "%s", path);
    return 0;
}

static int make_of(const char *raw, const char *path, const char *qemu_img, const char *label,
                   struct error *e)
{
    const char *const format[] = {"mkfs.ext4", "-q", "-L", label, raw};
    int r = tool_run_words(format, ELEMENTS(format), e);
    return r < 0 ? r : tool_to_qcow2(qemu_img, raw, path, e);
}

int formatteddisk_make(const char *path, const char *qemu_img, const char *label, uint64_t bytes,
                       struct error *e)
{
    char *raw CLEANUP_FREE = atomicfile_temporary(path);
    int r = make_sparse(raw, bytes, e);
    if (r == 0)
        r = make_of(raw, path, qemu_img, label, e);
    (void)unlink(raw);
    return r;
}
