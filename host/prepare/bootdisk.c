/* SPDX-License-Identifier: MIT */
#include "host/prepare/bootdisk.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "host/prepare/tool.h"
#include "host/system/atomicfile.h"
#include "host/system/tree.h"

/* The version of an entry's content, and of how it is made. */
#define FORMAT 2

#define SECTOR    512
#define DISK_SIZE (UINT64_C(120) << 20)

/* Partition 1 is GRUB's on a machine without EFI, 2 is /boot. The hybrid MBR lists them as well.
 * All numbers are those of nixpkgs' qemu-vm.nix. */
static const char *const partitions[] = {
    "sgdisk",
    "--set-alignment=1",
    "--new=1:34:2047",
    "--change-name=1:BIOSBootPartition",
    "--typecode=1:ef02",
    "--set-alignment=512",
    "--largest-new=2",
    "--change-name=2:EFISystem",
    "--typecode=2:ef00",
    "--attributes=1:set:1",
    "--attributes=2:set:2",
    "--disk-guid=97FD5997-D90B-4AA3-8D16-C1723AEA73C1",
    "--partition-guid=1:1C06F03B-704E-4657-B9CD-681A087A2FDC",
    "--partition-guid=2:970C694F-AFD0-4B99-B750-CDB7A329AB6F",
    "--hybrid",
    "2",
    "--recompute-chs",
};

/* The bounds of partition 2 in sectors: those that --largest-new chooses on a disk of this size. */
#define BOOT_FIRST 2048
#define BOOT_LAST  245726

/* Sets the size of an image. Preallocates, where the filesystem can: if the host's disk fills up
 * later, the guest kernel's writeback fails after the program that wrote has already exited with
 * success. */
static int resize(const char *image, uint64_t size, struct error *e)
{
    int fd CLEANUP_CLOSE = open(image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)size) < 0 ||
        (fallocate(fd, 0, 0, (off_t)size) < 0 && errno != EOPNOTSUPP))
        return error_errno(e, errno, "%s", image);
    return 0;
}

/* Makes a FAT16 at the offset that the partition will have, in an image that ends with it. Thus
 * neither a block device nor root is needed. */
static int make_filesystem(const char *image, const char *name, struct error *e)
{
    struct strv format CLEANUP_STRV = {0};
    strv_push(&format, "mkfs.fat");
    strv_push(&format, "-F16");
    strv_push(&format, "--invariant"); /* no random volume ID, no time */
    strv_pushf(&format, "-h%d", BOOT_FIRST);
    strv_pushf(&format, "--offset=%d", BOOT_FIRST);
    strv_push(&format, image);
    int r = resize(image, (uint64_t)SECTOR * (BOOT_LAST + 1), e);
    if (r < 0)
        return r;
    r = tool_run(&format, NULL, e);
    if (r < 0)
        return r;
    struct strv label CLEANUP_STRV = {0};
    struct strv environment CLEANUP_STRV = {0};
    strv_push(&label, "mlabel");
    strv_push(&label, "-i");
    strv_pushf(&label, "%s@@%d", image, BOOT_FIRST * SECTOR);
    strv_pushf(&label, "::%s", name);
    strv_push(&environment, "MTOOLS_SKIP_CHECK=1");
    strv_push(&environment, "MTOOLSRC=/dev/null");
    return tool_run(&label, &environment, e);
}

/* Checks the bounds of partition 2 in the table, which sgdisk puts at sector 2 (UEFI specification,
 * 5.3.3). */
static int check_boot_partition(const char *image, struct error *e)
{
    enum { TABLE = 2 * SECTOR, ENTRY = 128, FIRST = 32 };
    uint64_t bounds[2];
    int fd CLEANUP_CLOSE = open(image, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || pread(fd, bounds, sizeof bounds, TABLE + ENTRY + FIRST) != sizeof bounds)
        return error_errno(e, fd < 0 ? errno : EIO, "%s: cannot read the partition table", image);
    if (le64toh(bounds[0]) == BOOT_FIRST && le64toh(bounds[1]) == BOOT_LAST)
        return 0;
    return error_set(e, -EINVAL,
                     "%s: sgdisk has put partition 2 at sectors %" PRIu64 " to %" PRIu64
                     ", expected %d to %d",
                     image, le64toh(bounds[0]), le64toh(bounds[1]), BOOT_FIRST, BOOT_LAST);
}

static int make_partitions(const char *image, struct error *e)
{
    struct strv argv CLEANUP_STRV = {0};
    for (size_t i = 0; i < ELEMENTS(partitions); i++)
        strv_push(&argv, partitions[i]);
    strv_push(&argv, image);
    int r = resize(image, DISK_SIZE, e);
    if (r < 0)
        return r;
    r = tool_run(&argv, NULL, e);
    return r < 0 ? r : check_boot_partition(image, e);
}

struct making {
    const struct boot_disk_spec *spec;
    const char *qemu_img;
    bootdisk_installer *install;
};

/* Builds the raw disk in the directory `work`, with the boot loader on it if there is a system that
 * brings one. */
static int build_disk(const struct making *making, const char *work, const char *image,
                      struct error *e)
{
    int r = make_filesystem(image, making->spec->label, e);
    if (r < 0)
        return r;
    r = make_partitions(image, e);
    return r < 0 || !making->spec->toplevel ? r : making->install(making->spec, work, e);
}

/* Builds the disk in `work` and puts the results into the cache entry `directory`. */
static int make_in(const char *work, const char *directory, const struct making *making,
                   struct error *e)
{
    char *image CLEANUP_FREE = xasprintf("%s/" BOOTDISK_RAW, work);
    char *result CLEANUP_FREE = xasprintf("%s/" BOOTDISK_IMAGE, directory);
    int r = build_disk(making, work, image, e);
    if (r < 0)
        return r;
    r = tool_to_qcow2(making->qemu_img, image, result, e);
    if (r < 0)
        return error_context(e, r, "%s", result);
    if (!making->spec->efi)
        return r;
    char *made CLEANUP_FREE = xasprintf("%s/" BOOTDISK_VARIABLES, work);
    char *variables CLEANUP_FREE = xasprintf("%s/" BOOTDISK_VARIABLES, directory);
    return atomicfile_copy(made, variables, true, e);
}

static int make(const char *directory, struct cache_inputs *inputs, void *context, struct error *e)
{
    const struct making *making = context;
    char *work CLEANUP_FREE = xasprintf("%s/work", directory);
    (void)inputs;
    if (making->spec->toplevel)
        log_info("building the boot disk of %s (boots a temporary VM once)",
                 making->spec->toplevel);
    int r = tree_make(work, 0700, e);
    if (r == 0)
        r = make_in(work, directory, making, e);
    int removed = tree_remove(work, r < 0 ? NULL : e);
    return r < 0 ? r : removed;
}

int bootdisk_get(struct cache_entry *entry, const struct boot_disk_spec *spec, const char *qemu_img,
                 bootdisk_installer *install, const char *fallback, struct error *e)
{
    struct cache_key key;
    cache_key_start(&key, "boot-disk", FORMAT);
    cache_key_text(&key, spec->label);
    if (spec->toplevel) {
        cache_key_text(&key, spec->toplevel);
        cache_key_file(&key, spec->toplevel_path);
        cache_key_text(&key, spec->grub_device);
    }
    for (size_t i = 0; i < spec->settings.count; i++)
        cache_key_text(&key, spec->settings.items[i]);
    for (size_t i = 0; i < spec->firmware.count; i++)
        cache_key_file(&key, spec->firmware.items[i]);
    struct making making = {
        .spec = spec, .qemu_img = qemu_img ? qemu_img : "qemu-img", .install = install};
    const struct cache_request request = {
        .kind = "boot-disk", .key = &key, .make = make, .context = &making, .fallback = fallback};
    int r = cache_get(entry, &request, e);
    if (r < 0 && spec->toplevel)
        return error_context(e, r, "boot disk of %s", spec->toplevel);
    return r < 0 ? error_context(e, r, "boot disk") : 0;
}
