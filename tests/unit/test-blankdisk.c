/* SPDX-License-Identifier: MIT */
/* Which images the host vouches for, on images that qemu-img makes. */
#include "host/prepare/blankdisk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "common/stamp.h"
#include "tests/unit/image.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

#define MIB ((uint64_t)1024 * 1024)

/* Runs a shell command with the image's path as $0. */
static void run(const char *command, const char *path)
{
    char *output CLEANUP_FREE = NULL;
    const char *const argv[] = {"sh", "-c", command, path, NULL};
    if (image_run(argv, &output) != 0)
        fail_msg("%s: %s", command, output);
}

/* The stamp with the word "abcdefghij". */
static bool stamp(const char *path, const char *format, bool made)
{
    return blankdisk_stamp(path, format, "abcdefghij", made);
}

/* Opens the disk as the guest would see it: the image, converted to a raw one. */
static int seen_by_guest(const char *path, const char *format)
{
    char *command CLEANUP_FREE = xasprintf("qemu-img convert -f %s -O raw $0 $0.raw", format);
    char *raw CLEANUP_FREE = xasprintf("%s.raw", path);
    run(command, path);
    return open(raw, O_RDONLY | O_CLOEXEC);
}

static void assert_stamped(const char *path, const char *format, const char *word)
{
    uint8_t expected[STAMP_SECTOR];
    struct stat st;
    int fd CLEANUP_CLOSE = seen_by_guest(path, format);
    assert_int_equal(fstat(fd, &st), 0);
    int blank CLEANUP_CLOSE = image_new((uint64_t)st.st_size);
    stamp_encode(word, expected);
    image_write(blank, 0, expected, sizeof expected);
    assert_true(image_same(fd, blank));
    if (streq(format, "qcow2"))
        run("qemu-img check $0 && [ \"$(qemu-img check $0 | grep -ci leak)\" = 0 ]", path);
}

/* Each time with a new word: a copy of the image has the old one. */
static void a_blank_image_is_stamped_again_and_again(void **state)
{
    static const struct {
        const char *command, *format;
    } rows[] = {
        {"qemu-img create -f qcow2 $0 1024M", "qcow2"},
        {"qemu-img create -f qcow2 $0 256K", "qcow2"},
        {"qemu-img create -f qcow2 $0 40M", "qcow2"},
        {"qemu-img create -f qcow2 $0 12345678512", "qcow2"},
        {"qemu-img create -f qcow2 $0 2T", "qcow2"},
        {"qemu-img create -f qcow2 -o compat=0.10 $0 1G", "qcow2"},
        {"qemu-img create -f qcow2 -o cluster_size=512 $0 64M", "qcow2"},
        {"qemu-img create -f qcow2 -o cluster_size=4096 $0 64M", "qcow2"},
        {"qemu-img create -f qcow2 -o cluster_size=2M $0 64M", "qcow2"},
        {"qemu-img create -f qcow2 -o lazy_refcounts=on $0 64M", "qcow2"},
        {"truncate -s 1G $0", "raw"},
        {"truncate -s 262144 $0", "raw"},
        {"truncate -s 1000448 $0", "raw"},
    };
    (void)state;
    char *scratch CLEANUP_SCRATCH = scratch_new();
    for (size_t i = 0; i < ELEMENTS(rows); i++) {
        char *path CLEANUP_FREE = xasprintf("%s/%zu", scratch, i);
        run(rows[i].command, path);
        if (!stamp(path, NULL, false))
            fail_msg("%s: not stamped", rows[i].command);
        if (strstr(rows[i].command, "2T")) { /* a long way to compare */
            run("qemu-img check $0", path);
            continue;
        }
        assert_stamped(path, rows[i].format, "abcdefghij");
        if (!blankdisk_stamp(path, rows[i].format, "0123456789", false))
            fail_msg("%s: not stamped again", rows[i].command);
        assert_stamped(path, rows[i].format, "0123456789");
    }
}

/* The guest writes after the stamp, as it would without. */
static void a_stamped_image_is_as_good_as_any(void **state)
{
    (void)state;
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *path CLEANUP_FREE = scratch_path(scratch, "image");
    run("qemu-img create -f qcow2 $0 256M", path);
    assert_true(stamp(path, "qcow2", true));
    run("qemu-io -f qcow2 -c 'write -P 7 0 1M' -c 'write -P 8 100M 64K' -c 'write -P 9 255M 1M' $0",
        path);
    run("qemu-img check $0", path);
    run("qemu-io -f qcow2 -c 'read -v -P 7 0 1M' -c 'read -P 0 1M 64K' -c 'read -P 8 100M 64K' "
        "-c 'read -P 9 255M 1M' $0 | { ! grep -i 'verification failed'; }",
        path);
    assert_false(stamp(path, "qcow2", true));
}

static void what_may_hold_something_is_not_touched(void **state)
{
    static const struct {
        const char *command, *format;
    } rows[] = {
        {"qemu-img create -f qcow2 $0 64M && qemu-io -f qcow2 -c 'write -P 1 0 512' $0", NULL},
        {"qemu-img create -f qcow2 $0 64M && qemu-io -f qcow2 -c 'write -P 1 17M 512' $0", NULL},
        {"qemu-img create -f qcow2 $0 1G && qemu-io -f qcow2 -c 'write -P 1 900M 512' $0", NULL},
        {"qemu-img create -f qcow2 $0 64M && qemu-io -f qcow2 -c 'write -P 1 63K 512' $0", NULL},
        {"qemu-img create -f qcow2 $0 64M && qemu-io -f qcow2 -c 'write -P 1 17M 64K' $0 &&"
         " qemu-img convert -c -f qcow2 -O qcow2 $0 $0.c && mv $0.c $0",
         NULL},
        {"qemu-img create -f qcow2 $0.base 64M && qemu-io -f qcow2 -c 'write -P 1 17M 512' $0.base "
         "&&"
         " qemu-img create -f qcow2 -F qcow2 -b $0.base $0",
         NULL},
        {"qemu-img create -f qcow2 $0.base 64M && qemu-img create -f qcow2 -F qcow2 -b $0.base $0",
         NULL},
        {"qemu-img create -f qcow2 $0 64M && qemu-io -f qcow2 -c 'write -P 1 17M 512' $0 &&"
         " qemu-img snapshot -c kept $0 && qemu-io -f qcow2 -c 'discard 0 64M' $0",
         NULL},
        {"qemu-img create -f qcow2 -o data_file=$0.data,data_file_raw=on $0 64M", NULL},
        {"qemu-img create -f qcow2 -o encrypt.format=luks,encrypt.key-secret=s"
         " --object secret,id=s,data=x,format=raw $0 64M || qemu-img create -f qcow2 -b $0.none "
         "-F raw -u $0 64M",
         NULL},
        {"qemu-img create -f qcow2 -o extended_l2=on $0 64M", NULL},
        {"qemu-img create -f qcow2 -o refcount_bits=64 $0 64M", NULL},
        {"qemu-img create -f qcow2 -o preallocation=metadata $0 64M", NULL},
        {"qemu-img create -f qcow2 $0 64M", "raw"}, /* its bytes are the disk's */
        {"truncate -s 64M $0", "qcow2"},
        {"truncate -s 64M $0", "vmdk"},
        {"qemu-img create -f vmdk $0 64M", NULL},
        {"qemu-img create -f vdi $0 64M", NULL},
        {"qemu-img create -f vhdx $0 64M", NULL},
        {"qemu-img create -f vpc $0 64M", NULL},
        {"qemu-img create -f qed $0 64M", NULL},
        {"truncate -s 64M $0 && printf x | dd of=$0 bs=1 conv=notrunc", NULL},
        {"truncate -s 64M $0 && printf x | dd of=$0 bs=1 seek=600 conv=notrunc", NULL},
        {"truncate -s 64M $0 && printf x | dd of=$0 bs=1 seek=70000 conv=notrunc", NULL},
        {"truncate -s 64M $0 && printf x | dd of=$0 bs=1M seek=17 conv=notrunc", NULL},
        {"truncate -s 64M $0 && printf x | dd of=$0 bs=1 seek=67108863 conv=notrunc", NULL},
        /* a word goes onto a command line: it consists of letters and digits only */
        {"truncate -s 64M $0 && printf 'run-vm: blank but for this line\\na init=/b ' |"
         " dd of=$0 conv=notrunc",
         NULL},
        /* tables where QEMU would not have them */
        {"qemu-img create -f qcow2 $0 64M && truncate -s 256K $0 && printf '\\002' |"
         " dd of=$0 bs=1 seek=46 conv=notrunc",
         NULL},
        {"truncate -s 64M $0 && mke2fs -Fqt ext4 $0", NULL},
        {"head -c 1000000 /dev/zero >$0",
         NULL}, /* may well be blank, but that is for init to see */
        {"truncate -s 100K $0", NULL},
        {"truncate -s 0 $0", NULL},
        {"qemu-img create -f qcow2 $0 100K", NULL},
        {"mkdir $0", NULL},
        {"mkfifo $0", NULL},
        {"ln -s /dev/null $0", NULL},
        {"ln -s nowhere $0", NULL},
    };
    (void)state;
    char *scratch CLEANUP_SCRATCH = scratch_new();
    for (size_t i = 0; i < ELEMENTS(rows); i++) {
        char *path CLEANUP_FREE = xasprintf("%s/%zu", scratch, i);
        run(rows[i].command, path);
        run("[ ! -f $0 ] || cp --sparse=always $0 $0.before", path);
        if (stamp(path, rows[i].format, false))
            fail_msg("%s: stamped", rows[i].command);
        run("[ ! -f $0 ] || cmp $0 $0.before", path);
    }
}

/* A header is untrusted. The disk stays blank; at most clusters leak. */
static void a_damaged_header_does_no_harm(void **state)
{
    (void)state;
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *path CLEANUP_FREE = scratch_path(scratch, "image");
    run("qemu-img create -f qcow2 $0 64M", path);
    int fd CLEANUP_CLOSE = open(path, O_RDWR | O_CLOEXEC);
    for (uint64_t at = 4; at < 104; at++) {
        image_flip(fd, at);
        (void)stamp(path, "qcow2", true);
        image_flip(fd, at);
    }
    run("qemu-img check $0 || [ $? = 3 ]", path);
    run("qemu-io -f qcow2 -c 'read -P 0 512 65535K' $0 | { ! grep -i 'verification failed'; }",
        path);
}

/* Locks an image as QEMU locks an open one. */
static void an_image_in_use_is_left_alone(void **state)
{
    (void)state;
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *path CLEANUP_FREE = scratch_path(scratch, "image");
    run("truncate -s 64M $0", path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 201, .l_len = 1};
    assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
    assert_false(stamp(path, NULL, false));
    (void)close(fd);
    assert_true(stamp(path, NULL, false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blank_image_is_stamped_again_and_again),
        cmocka_unit_test(a_stamped_image_is_as_good_as_any),
        cmocka_unit_test(what_may_hold_something_is_not_touched),
        cmocka_unit_test(a_damaged_header_does_no_harm),
        cmocka_unit_test(an_image_in_use_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
