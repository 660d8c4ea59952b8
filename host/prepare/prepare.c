/* SPDX-License-Identifier: MIT */
#include "host/prepare/prepare.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "base/units.h"
#include "common/stamp.h"
#include "host/initrd/initrd.h"
#include "host/initrd/kernelimage.h"
#include "host/initrd/moduledep.h"
#include "host/prepare/blankdisk.h"
#include "host/prepare/bootdisk.h"
#include "host/prepare/formatteddisk.h"
#include "host/prepare/growdisk.h"
#include "host/prepare/needs.h"
#include "host/prepare/tool.h"
#include "host/store/closure.h"
#include "host/store/storeimage.h"
#include "host/system/atomicfile.h"
#include "host/system/imageformat.h"
#include "host/system/leftovers.h"
#include "host/system/path.h"
#include "host/system/process.h"
#include "host/system/signals.h"
#include "host/system/timeline.h"
#include "host/system/tree.h"

#define STAMP_PARAMETER "vm.blank" /* as in common/params.c */

/* True if the kernel's command line has room for one more stamp. Longer parameters would go into
 * the initrd, which many starts share. */
static bool has_room(const struct prepared *prepared, const struct plan *plan)
{
    return !plan->self_contained &&
           plan->append_room >
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
    int r = tool_run(argv, NULL, e);
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

static int make_formatted(const struct plan *plan, const struct plan_file *file, struct error *e)
{
    atomicfile_tidy(file->path);
    char *temporary CLEANUP_FREE = atomicfile_temporary(file->path);
    int r = formatteddisk_make(temporary, plan->qemu_img ? plan->qemu_img : "qemu-img", file->label,
                               file->bytes, e);
    if (r == 0)
        r = atomicfile_commit(temporary, file->path, false, e);
    if (r < 0)
        (void)unlink(temporary);
    if (r == -EEXIST)
        return 0;
    return r < 0 ? error_context(e, r, "%s", file->path) : 1;
}

static int make_image(struct prepared *prepared, const struct plan *plan,
                      const struct plan_file *file, struct error *e)
{
    const char *qemu_img = plan->qemu_img ? plan->qemu_img : "qemu-img";
    if (!file->replace && access(file->path, F_OK) == 0)
        return file->grow ? growdisk(qemu_img, file->path, file->grow, e) : 0;
    bool overlay = file->kind == FILE_DISK_OVERLAY;
    if (!overlay && file->bytes == 0)
        return error_set(e, -EINVAL, "%s: there is no such image, and no size for a new one",
                         file->path);
    if (file->label)
        return make_formatted(plan, file, e);
    struct strv argv CLEANUP_STRV = {0};
    strv_push(&argv, qemu_img);
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
    return tree_make(file->path, file->kind == FILE_TPM_STATE ? 0700 : 0777, e);
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

/* Puts a cached file at the file's path: a link, or a copy. */
static int use_cached(const struct plan *plan, const struct plan_file *file, const char *cached,
                      struct error *e)
{
    if (!file->writable && !plan->self_contained)
        return atomicfile_link(cached, file->path, e);
    int r = atomicfile_copy(cached, file->path, true, e);
    return r < 0 ? r : 0;
}

/* Puts the file `name` of a cache entry at the file's path: a link into the cache, a copy for the
 * guest to write to, or the file itself if it could not be cached. */
static int use_entry(struct prepared *prepared, const struct plan *plan,
                     const struct plan_file *file, struct cache_entry *entry, const char *name,
                     struct error *e)
{
    char *path CLEANUP_FREE = TAKE(entry->path);
    char *made CLEANUP_FREE = xasprintf("%s/%s", path, name);
    if (entry->lock >= 0) {
        prepared_hold_entry(prepared, entry->lock);
        return use_cached(plan, file, made, e);
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
                 : use_entry(prepared, plan, file, &entry, INITRD_NAME, e);
}

/* Makes a link to the kernel. If that is not cached, it is in the temporary directory. */
static int make_kernel(struct prepared *prepared, const struct plan *plan,
                       const struct plan_file *file, struct error *e)
{
    char *fallback CLEANUP_FREE = path_directory(file->path);
    char *kernel CLEANUP_FREE = NULL;
    int lock = -1;
    int r = kernelimage_get(file->source, fallback, &kernel, &lock, e);
    if (r < 0)
        return error_context(e, r, "kernel");
    if (lock >= 0)
        prepared_hold_entry(prepared, lock);
    bool is_own = path_rest(plan->cwd, kernel) != NULL; /* it could not be cached */
    return is_own ? atomicfile_link(kernel, file->path, e) : use_cached(plan, file, kernel, e);
}

static int make_module_index(struct prepared *prepared, const struct plan *plan,
                             const struct plan_file *file, struct error *e)
{
    char *fallback CLEANUP_FREE = path_directory(file->path);
    int lock = -1;
    (void)plan;
    int r = moduledep_make(file->source, file->path, fallback, &lock, e);
    if (lock >= 0)
        prepared_hold_entry(prepared, lock);
    return r < 0 ? error_context(e, r, "index of the modules in %s", file->source) : 0;
}

static int make_store_image(struct prepared *prepared, const struct plan *plan,
                            const struct plan_file *file, struct error *e)
{
    char *fallback CLEANUP_FREE = path_directory(file->path);
    struct cache_entry entry;
    const struct storeimage image = {.list = file->source,
                                     .roots = &file->roots,
                                     .prefix = plan->store_prefix,
                                     .packed = file->packed};
    int r = storeimage_get(&entry, &image, fallback, e);
    return r < 0 ? r : use_entry(prepared, plan, file, &entry, STOREIMAGE_NAME, e);
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
    bool is_overlay = file->replace && !plan->self_contained;
    for (const char *const *word = is_overlay ? overlay : copy; *word; word++)
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
        prepared_hold_entry(prepared, entry.lock);
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
    make_file *make;    /* NULL: nothing is made */
    const char *locked; /* what it is, if one run-vm at a time may use it; NULL: any number */
    bool shared;        /* any number may use it that only read it */
} kinds[] = {
    [FILE_DISK_IMAGE] = {make_image, "file"},
    [FILE_DISK_LOWER] = {NULL, "file", .shared = true},
    [FILE_DISK_OVERLAY] = {make_image, "file"},
    [FILE_DIRECTORY] = {make_directory},
    [FILE_TEMPORARY] = {make_temporary, "directory (TMPDIR)"},
    [FILE_COPY] = {make_copy, "file"},
    [FILE_INITRD] = {make_initrd},
    [FILE_KERNEL] = {make_kernel},
    [FILE_REGISTRATION] = {make_registration},
    [FILE_STORE_IMAGE] = {make_store_image},
    [FILE_BOOT_DISK] = {make_boot_disk, "file"},
    [FILE_MODULE_INDEX] = {make_module_index},
    [FILE_TPM_STATE] = {make_directory, "directory (NIX_SWTPM_DIR)"},
};

static int lock_file(struct prepared *prepared, const struct plan_file *file, struct error *e)
{
    const char *what = kinds[file->kind].locked;
    int operation = kinds[file->kind].shared ? LOCK_SH : LOCK_EX;
    return what ? prepared_lock(prepared, file->path, what, operation, e) : 0;
}

/* Checks everything that can be checked before a file is touched. */
static int check(struct prepared *prepared, const struct plan *plan, struct error *e)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < plan->file_count; i++)
        r = lock_file(prepared, &plan->files[i], e);
    return r < 0 ? r : needs_check(plan, e);
}

/* Makes the file and locks it, even one that existed, which another start may have just made. */
static int make_file_of(struct prepared *prepared, const struct plan *plan,
                        const struct plan_file *file, struct error *e)
{
    make_file *make = kinds[file->kind].make;
    timeline_begin(plan_file_kinds[file->kind], text_after_last(file->path, '/'));
    int r = make ? make(prepared, plan, file, e) : 0;
    timeline_end();
    int locked = r < 0 ? r : lock_file(prepared, file, e);
    if (r > 0 && locked == 0 && kinds[file->kind].locked && !file->replace)
        prepared_note_made(prepared, file->path);
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
    prepared->install = install;
    prepared->identities = &plan->identities;
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

void prepare_tell(const struct prepared *prepared, struct plan *plan)
{
    char *words CLEANUP_FREE = strv_join(&prepared->words, ",");
    if (*words)
        plan_add_parameter(plan, STAMP_PARAMETER, words);
}
