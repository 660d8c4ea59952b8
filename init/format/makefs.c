/* SPDX-License-Identifier: MIT */
#include "init/format/makefs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/alloc.h"
#include "init/format/blank.h"
#include "init/format/ext4.h"

/* True for a device that can be opened for writing but not written. */
static bool is_read_only(int fd)
{
    int read_only = 0;
    return ioctl(fd, BLKROGET, &read_only) == 0 && read_only;
}

/* Opens the device for writing with exclusive access, or else for reading, which is enough if it
 * has a filesystem already: *obstacle is then the errno that prevents writing, else 0. */
static int open_device(const char *path, int *obstacle, struct error *e)
{
    *obstacle = 0;
    int fd = open(path, O_RDWR | O_EXCL | O_CLOEXEC);
    if (fd >= 0) {
        *obstacle = is_read_only(fd) ? EROFS : 0;
        return fd;
    }
    if (errno == EROFS || errno == EACCES || errno == EPERM || errno == EBUSY) {
        *obstacle = errno;
        fd = open(path, O_RDONLY | O_CLOEXEC);
    }
    return fd >= 0 ? fd : error_errno(e, errno, "%s", path);
}

static int refuse(const char *path, const struct blank *b, struct error *e)
{
    return error_set(e, -EEXIST,
                     "%s: not formatted, because it is not blank: it holds %s. To use it as it "
                     "is, name its filesystem type; to have it formatted, overwrite it with zeros",
                     path, b->what);
}

/* Describes the new filesystem without probing it. */
static void describe_new(const struct ext4_format *format, struct probe *p)
{
    const uint8_t *u = format->uuid;
    probe_free(p);
    *p = (struct probe){
        .verdict = PROBE_FOUND,
        .size = format->size,
        .type = xstrdup("ext4"),
        .usage = xstrdup("filesystem"),
        .label = format->label && *format->label ? xstrdup(format->label) : NULL,
        .uuid = xasprintf("%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                          u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11],
                          u[12], u[13], u[14], u[15]),
    };
}

/* Chooses a new format, or the interrupted one. */
static int choose_format(int fd, const char *path, const char *label, const struct blank *b,
                         struct ext4_format *f, struct error *e)
{
    int r = ext4_describe(fd, path, f, e);
    f->label = label;
    if (r < 0 || b->state != BLANK_INTERRUPTED || !b->marker.sector)
        return r;
    unsigned sector = f->sector;
    ext4_resume(&b->marker, f);
    if (sector > f->sector)
        return error_set(e, -EINVAL,
                         "%s: holds an interrupted ext4 format for sectors of %u bytes, not of %u: "
                         "give it to the machine as before",
                         path, f->sector, sector);
    return 0;
}

static int format(int fd, const char *path, const char *label, const struct blank *b,
                  struct probe *p, struct error *e)
{
    struct ext4_format f;
    int r = choose_format(fd, path, label, b, &f, e);
    if (r < 0)
        return r;
    r = ext4_make(fd, path, &f, e);
    if (r < 0)
        return r;
    describe_new(&f, p);
    return 1;
}

static void give(struct blank *b, struct probe *p)
{
    probe_free(p);
    *p = b->probe;
    b->probe = (struct probe){0};
}

static int write_refused(const char *path, int obstacle, const struct blank *b, struct error *e)
{
    return error_errno(e, obstacle, "%s: holds %s, but cannot be formatted", path, b->what);
}

int makefs_if_blank(const char *path, const char *label, const struct strv *stamps, struct probe *p,
                    struct error *e)
{
    int obstacle;
    int fd CLEANUP_CLOSE = open_device(path, &obstacle, e);
    if (fd < 0)
        return fd;
    struct blank b CLEANUP_BLANK = {0};
    int r = blank_examine(fd, path, stamps, &b, e);
    if (r < 0)
        return r;
    switch (b.state) {
    case BLANK_YES:
    case BLANK_INTERRUPTED:
        return obstacle ? write_refused(path, obstacle, &b, e) : format(fd, path, label, &b, p, e);
    case BLANK_UNCLEARED:
        /* a read-only disk can be mounted in spite of its marker */
        r = obstacle ? 0 : ext4_finish(fd, path, e);
        give(&b, p);
        return r;
    case BLANK_HELD:
        if (!probe_is_filesystem(&b.probe))
            return refuse(path, &b, e);
        give(&b, p);
        return 0;
    case BLANK_TOO_SMALL:
        return error_set(e, -ENOSPC, "%s: too small for a filesystem: it has %llu bytes", path,
                         (unsigned long long)b.probe.size);
    case BLANK_AMBIVALENT:
    case BLANK_UNDECIDED:
        break;
    }
    return refuse(path, &b, e);
}
