/* SPDX-License-Identifier: MIT */
#include "host/prepare/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/text.h"
#include "base/units.h"
#include "common/stamp.h"
#include "host/initrd/initrd.h"
#include "host/initrd/kernelimage.h"
#include "host/prepare/blankdisk.h"
#include "host/prepare/bootdisk.h"
#include "host/prepare/needs.h"
#include "host/store/closure.h"
#include "host/store/storeimage.h"
#include "host/system/atomicfile.h"
#include "host/system/imageformat.h"
#include "host/system/leftovers.h"
#include "host/system/path.h"
#include "host/system/process.h"
#include "host/system/signals.h"
#include "host/system/tree.h"

/* The parameter's name in common/params.c. */
#define STAMP_PARAMETER "vm.blank"

/* Keeps a descriptor open until prepared_free(). */
static void hold(struct prepared *prepared, int fd)
{
    prepared->held =
        xreallocarray(prepared->held, prepared->held_count + 1, sizeof *prepared->held);
    prepared->held[prepared->held_count++] = fd;
}

/* Keeps a cache entry locked until prepared_free(), which sets the time of its last use. */
static void hold_entry(struct prepared *prepared, int lock)
{
    hold(prepared, lock);
    prepared->entries =
        xreallocarray(prepared->entries, prepared->entry_count + 1, sizeof *prepared->entries);
    prepared->entries[prepared->entry_count++] = lock;
}

/* True if the file behind `fd` is locked already. */
static bool is_held(const struct prepared *prepared, int fd)
{
    struct stat st;
    struct stat held;
    if (fstat(fd, &st) < 0)
        return false;
    for (size_t i = 0; i < prepared->held_count; i++)
        if (fstat(prepared->held[i], &held) == 0 && held.st_ino == st.st_ino &&
            held.st_dev == st.st_dev)
            return true;
    return false;
}

/* The time to wait for a lock, and the interval between attempts, in milliseconds. A QEMU whose
 * run-vm was killed releases its locks only after its memory, and systemd-tmpfiles locks each
 * directory while it scans it. */
#define LOCK_TIME     1000
#define LOCK_INTERVAL 20

/* Returns 0, or a negative errno: -EWOULDBLOCK if another process keeps the lock, or if run-vm has
 * been asked to end meanwhile. */
static int take_lock(int fd)
{
    struct pollfd signals = {signals_fd(), POLLIN, 0};
    int left = LOCK_TIME;
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        int number = errno;
        if (number != EWOULDBLOCK || left <= 0 || poll(&signals, 1, LOCK_INTERVAL) > 0)
            return -number;
        left -= LOCK_INTERVAL;
    }
    return 0;
}

/* Locks an image or directory against a second run-vm by flock(2), which does not conflict with
 * QEMU's own locks (fcntl). Returns 0 or -EBUSY; 0 also if there is no such file, or it cannot be
 * locked. */
static int lock_path(struct prepared *prepared, const char *path, struct error *e)
{
    int fd CLEANUP_CLOSE = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || is_held(prepared, fd))
        return 0; /* it does not exist yet; or QEMU will report why it cannot be opened */
    int r = take_lock(fd);
    if (r == 0) {
        hold(prepared, fd);
        fd = -1;
        return 0;
    }
    if (r != -EWOULDBLOCK)
        return 0;
    bool directory = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
    return error_set(e, -EBUSY,
                     "%s: in use by another run-vm; end that one first, or give "
                     "this one a %s of its own",
                     path, directory ? "directory (TMPDIR)" : "file");
}

/* True if the kernel's command line has room for one more stamp. Longer parameters would go into
 * the initrd, which many starts share. */
static bool has_room(const struct prepared *prepared, const struct plan *plan)
{
    return plan->append_room >
           strlen(STAMP_PARAMETER "= ") + (prepared->words.count + 1) * (STAMP_WORD + 1);
}

static void stamp_disk(struct prepared *prepared, const struct plan_blank *disk, const char *path,
                       bool made)
{
    char word[STAMP_WORD + 1];
    atomicfile_random_name(word);
    if (!blankdisk_stamp(path, made ? "qcow2" : disk->format, word, made))
        return;
    strv_push(&prepared->stamped, disk->path);
    strv_push(&prepared->words, word);
}

/* Stamps a new image before it is renamed, so that the stamp is written back with it. */
static void stamp_new(struct prepared *prepared, const struct plan *plan, const char *path,
                      const char *temporary)
{
    for (size_t i = 0; i < plan->blank_count && has_room(prepared, plan); i++)
        if (streq(plan->blank[i].path, path)) {
            stamp_disk(prepared, &plan->blank[i], temporary, true);
            return;
        }
}

/* Runs qemu-img, whose command up to the image's name is `argv`. Returns 1, 0 if another process
 * has made the image meanwhile, or a negative errno. */
static int create_image(struct prepared *prepared, const struct plan *plan,
                        const struct plan_file *file, struct strv *argv, const char *size,
                        struct error *e)
{
    atomicfile_tidy(file->path);
    char *temporary CLEANUP_FREE = atomicfile_temporary(file->path);
    strv_push(argv, temporary);
    if (size)
        strv_push(argv, size);
    const struct process tool = {.argv = argv, .input = -1, .output = -1};
    int r = process_run(&tool, e);
    if (r == 0 && size)
        stamp_new(prepared, plan, file->path, temporary);
    if (r == 0)
        r = atomicfile_commit(temporary, file->path, file->replace, e);
    if (r < 0)
        (void)unlink(temporary);
    if (r == -EEXIST)
        return 0;
    return r < 0 ? error_context(e, r, "%s", file->path) : 1;
}

static int make_image(struct prepared *prepared, const struct plan *plan,
                      const struct plan_file *file, struct error *e)
{
    if (!file->replace && access(file->path, F_OK) == 0)
        return 0;
    bool overlay = file->kind == FILE_DISK_OVERLAY;
    if (!overlay && file->bytes == 0)
        return error_set(e, -EINVAL, "%s: there is no such image, and no size for a new one",
                         file->path);
    struct strv argv CLEANUP_STRV = {0};
    strv_push(&argv, plan->qemu_img ? plan->qemu_img : "qemu-img");
    static const char *const create[] = {"create", "-f", "qcow2"};
    for (size_t i = 0; i < ELEMENTS(create); i++)
        strv_push(&argv, create[i]);
    char *size CLEANUP_FREE = NULL;
    if (overlay) {
        static const char *const backing[] = {"-F", "qcow2", "-b"};
        for (size_t i = 0; i < ELEMENTS(backing); i++)
            strv_push(&argv, backing[i]);
        strv_push(&argv, file->source);
    } else {
        size = file->bytes % MIB == 0 ? xasprintf("%" PRIu64 "M", file->bytes / MIB)
                                      : xasprintf("%" PRIu64, file->bytes);
    }
    return create_image(prepared, plan, file, &argv, size, e);
}

static int make_copy(struct prepared *prepared, const struct plan *plan,
                     const struct plan_file *file, struct error *e)
{
    (void)prepared;
    (void)plan;
    return atomicfile_copy(file->source, file->path, file->replace, e);
}

static int make_directory(struct prepared *prepared, const struct plan *plan,
                          const struct plan_file *file, struct error *e)
{
    (void)prepared;
    (void)plan;
    return tree_make(file->path, 0777, e);
}

static int make_temporary(struct prepared *prepared, const struct plan *plan,
                          const struct plan_file *file, struct error *e)
{
    (void)plan;
    if (file->keep)
        return tree_make(file->path, 0700, e);
    /* an existing one belongs to another process, and would be removed at the end */
    if (mkdir(file->path, 0700) < 0)
        return error_errno(e, errno, "%s: cannot make the temporary directory", file->path);
    leftovers_note(file->path);
    strv_push(&prepared->temporary, file->path);
    return 0;
}

/* Puts the file `name` of a cache entry at the file's path: a link into the cache, a copy for the
 * guest to write to, or the file itself if it could not be cached. */
static int use_entry(struct prepared *prepared, const struct plan_file *file,
                     struct cache_entry *entry, const char *name, struct error *e)
{
    char *path CLEANUP_FREE = TAKE(entry->path);
    char *made CLEANUP_FREE = xasprintf("%s/%s", path, name);
    if (entry->lock >= 0) {
        hold_entry(prepared, entry->lock);
        return file->writable ? atomicfile_copy(made, file->path, true, e)
                              : atomicfile_link(made, file->path, e);
    }
    int r = atomicfile_commit(made, file->path, true, e);
    (void)tree_remove(path, NULL);
    return r;
}

static int make_initrd(struct prepared *prepared, const struct plan *plan,
                       const struct plan_file *file, struct error *e)
{
    char *fallback CLEANUP_FREE = path_directory(file->path);
    struct cache_entry entry;
    int r = initrd_get(&entry, &plan->initrd, fallback, e);
    return r < 0 ? error_context(e, r, "initrd")
                 : use_entry(prepared, file, &entry, INITRD_NAME, e);
}

/* Makes a link to the kernel. If that is not cached, it is in the temporary directory. */
static int make_kernel(struct prepared *prepared, const struct plan *plan,
                       const struct plan_file *file, struct error *e)
{
    (void)plan;
    char *fallback CLEANUP_FREE = path_directory(file->path);
    char *kernel CLEANUP_FREE = NULL;
    int lock = -1;
    int r = kernelimage_get(file->source, fallback, &kernel, &lock, e);
    if (r < 0)
        return error_context(e, r, "kernel");
    if (lock >= 0)
        hold_entry(prepared, lock);
    return atomicfile_link(kernel, file->path, e);
}

static int make_store_image(struct prepared *prepared, const struct plan *plan,
                            const struct plan_file *file, struct error *e)
{
    char *fallback CLEANUP_FREE = path_directory(file->path);
    struct cache_entry entry;
    int r = storeimage_get(&entry, file->source, &file->roots, plan->store_prefix, fallback, e);
    return r < 0 ? r : use_entry(prepared, file, &entry, STOREIMAGE_NAME, e);
}

/* Makes a copy: the file is in a share, where the guest cannot follow a link into the cache. */
static int make_registration(struct prepared *prepared, const struct plan *plan,
                             const struct plan_file *file, struct error *e)
{
    (void)prepared;
    char *fallback CLEANUP_FREE = path_directory(file->path);
    struct cache_entry entry;
    int r = closure_get(&entry, &file->roots, plan->store_prefix, fallback, e);
    if (r < 0)
        return r;
    char *directory CLEANUP_FREE = TAKE(entry.path);
    char *registration CLEANUP_FREE = xasprintf("%s/" CLOSURE_REGISTRATION, directory);
    r = atomicfile_copy(registration, file->path, file->replace, e);
    if (entry.lock < 0)
        (void)tree_remove(directory, NULL);
    else
        (void)close(entry.lock);
    return r;
}

/* Makes the disk that the guest writes to: an overlay, which the next start replaces, or a copy if
 * it is to last, since the cache may drop the base of an overlay. */
static int make_writable(struct prepared *prepared, const struct plan *plan,
                         const struct plan_file *file, const char *image, struct error *e)
{
    static const char *const overlay[] = {"create", "-f", "qcow2", "-F", "qcow2", "-b", NULL};
    static const char *const copy[] = {"convert", "-f", "qcow2", "-O", "qcow2", NULL};
    struct strv argv CLEANUP_STRV = {0};
    strv_push(&argv, plan->qemu_img ? plan->qemu_img : "qemu-img");
    for (const char *const *word = file->replace ? overlay : copy; *word; word++)
        strv_push(&argv, *word);
    strv_push(&argv, image);
    return create_image(prepared, plan, file, &argv, NULL, e);
}

static int make_boot_disk(struct prepared *prepared, const struct plan *plan,
                          const struct plan_file *file, struct error *e)
{
    if (!file->replace && access(file->path, F_OK) == 0)
        return 0;
    char *fallback CLEANUP_FREE = path_directory(file->path);
    struct cache_entry entry;
    int r = bootdisk_get(&entry, &plan->boot_disk, plan->qemu_img, prepared->install, fallback, e);
    if (r < 0)
        return r;
    char *directory CLEANUP_FREE = TAKE(entry.path);
    char *image CLEANUP_FREE = xasprintf("%s/" BOOTDISK_IMAGE, directory);
    char *variables CLEANUP_FREE = xasprintf("%s/" BOOTDISK_VARIABLES, directory);
    if (entry.lock >= 0)
        hold_entry(prepared, entry.lock);
    if (entry.lock < 0 && chmod(image, 0444) < 0) /* a cached one is read-only */
        return error_errno(e, errno, "%s: cannot be made read-only", image);
    if (file->source)
        r = atomicfile_link(variables, file->source, e);
    if (r == 0)
        r = make_writable(prepared, plan, file, image, e);
    return r;
}

/* Makes a file. Returns 1 for a new one, 0 if it existed or that does not matter, or a negative
 * errno. */
typedef int make_file(struct prepared *prepared, const struct plan *plan,
                      const struct plan_file *file, struct error *e);

static const struct {
    make_file *make;
    bool locked; /* by one run-vm at a time */
} kinds[] = {
    [FILE_DISK_IMAGE] = {make_image, true},  [FILE_DISK_OVERLAY] = {make_image, true},
    [FILE_DIRECTORY] = {make_directory},     [FILE_TEMPORARY] = {make_temporary, true},
    [FILE_COPY] = {make_copy, true},         [FILE_INITRD] = {make_initrd},
    [FILE_KERNEL] = {make_kernel},           [FILE_REGISTRATION] = {make_registration},
    [FILE_STORE_IMAGE] = {make_store_image}, [FILE_BOOT_DISK] = {make_boot_disk, true},
};

static int lock_file(struct prepared *prepared, const struct plan_file *file, struct error *e)
{
    return kinds[file->kind].locked ? lock_path(prepared, file->path, e) : 0;
}

/* Checks everything that can be checked before a file is touched. */
static int check(struct prepared *prepared, const struct plan *plan, struct error *e)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < plan->file_count; i++)
        r = lock_file(prepared, &plan->files[i], e);
    return r < 0 ? r : needs_check(plan, e);
}

static void remember_made(struct prepared *prepared, const char *path)
{
    struct stat state;
    if (lstat(path, &state) < 0)
        return;
    prepared->made =
        xreallocarray(prepared->made, prepared->made_count + 1, sizeof *prepared->made);
    prepared->made[prepared->made_count++] =
        (struct made_file){.path = xstrdup(path), .state = state};
}

/* Makes the file and locks it, even if it existed: another start may have made it since the check.
 */
static int make_file_of(struct prepared *prepared, const struct plan *plan,
                        const struct plan_file *file, struct error *e)
{
    int r = kinds[file->kind].make(prepared, plan, file, e);
    int locked = r < 0 ? r : lock_file(prepared, file, e);
    if (r > 0 && locked == 0 && kinds[file->kind].locked && !file->replace)
        remember_made(prepared, file->path);
    return locked;
}

/* Stamps the disks that were blank before this start. */
static void stamp_disks(struct prepared *prepared, const struct plan *plan)
{
    for (size_t i = 0; i < plan->blank_count && has_room(prepared, plan); i++)
        if (!strv_contains(&prepared->stamped, plan->blank[i].path))
            stamp_disk(prepared, &plan->blank[i], plan->blank[i].path, false);
}

int prepare(struct prepared *prepared, const struct plan *plan, bootdisk_installer *install,
            struct error *e)
{
    *prepared = (struct prepared){.install = install};
    cache_set_limit(plan->cache_size);
    int r = check(prepared, plan, e);
    for (size_t i = 0; r == 0 && i < plan->file_count; i++) {
        r = signals_check(e);
        if (r == 0)
            r = make_file_of(prepared, plan, &plan->files[i], e);
    }
    for (size_t i = 0; r == 0 && i < plan->raw_images.count; i++)
        r = imageformat_record_raw(plan->raw_images.items[i], e);
    /* a signal during the last file ends the start, too; and it replaces the message of the tool
     * that it has interrupted */
    if (r == 0 || (e && e->status == 0))
        r = signals_check(e) < 0 ? -ECANCELED : r;
    if (r == 0)
        stamp_disks(prepared, plan);
    if (r < 0 && e && e->status == 0)
        e->status = STATUS_IO;
    return r;
}

void prepared_tell(const struct prepared *prepared, struct plan *plan)
{
    char *words CLEANUP_FREE = strv_join(&prepared->words, ",");
    if (*words)
        plan_add_parameter(plan, STAMP_PARAMETER, words);
}

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Compares inode, size and times: a write changes one of them at least. */
static bool is_untouched(const struct made_file *made)
{
    const struct stat *then = &made->state;
    struct stat now;
    return lstat(made->path, &now) == 0 && now.st_dev == then->st_dev &&
           now.st_ino == then->st_ino && now.st_size == then->st_size &&
           now.st_blocks == then->st_blocks && is_same_time(&now.st_mtim, &then->st_mtim) &&
           is_same_time(&now.st_ctim, &then->st_ctim);
}

void prepared_undo(const struct prepared *prepared)
{
    for (size_t i = 0; i < prepared->made_count; i++)
        if (is_untouched(&prepared->made[i]))
            (void)unlink(prepared->made[i].path);
}

void prepared_pass_on(const struct prepared *prepared)
{
    for (size_t i = 0; i < prepared->held_count; i++)
        (void)fcntl(prepared->held[i], F_SETFD, 0);
}

void prepared_free(struct prepared *prepared)
{
    for (size_t i = prepared->temporary.count; i > 0; i--) {
        struct error e CLEANUP_ERROR = {0};
        if (tree_remove(prepared->temporary.items[i - 1], &e) < 0)
            log_warning("%s", e.message);
    }
    strv_free(&prepared->temporary);
    for (size_t i = 0; i < prepared->entry_count; i++)
        cache_touch(prepared->entries[i]);
    free(prepared->entries);
    for (size_t i = 0; i < prepared->held_count; i++)
        (void)close(prepared->held[i]);
    free(prepared->held);
    for (size_t i = 0; i < prepared->made_count; i++)
        free(prepared->made[i].path);
    free(prepared->made);
    strv_free(&prepared->stamped);
    strv_free(&prepared->words);
    *prepared = (struct prepared){0};
}
