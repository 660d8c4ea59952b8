/* SPDX-License-Identifier: MIT */
#include "host/store/storepack.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/cache/cacheitems.h"
#include "host/store/packcollect.h"
#include "host/store/storeimage.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

/* SCRATCH/root/nix/store has the paths 0-p to 9-p, of some blocks each, and what they have is found
 * by its text. */
static const char make_store[] =
    "set -e; umask 022; mkdir -p \"$1/nix/store\"; cd \"$1/nix/store\"; for ((i = 0; i < 10; "
    "i++)); do "
    "mkdir -p $i-p/share; yes \"secret of $i\" | head -c 150000 >$i-p/share/big; "
    "echo \"small secret of $i\" >$i-p/small; ln $i-p/small $i-p/hard; ln -s small $i-p/link; done";

static int setup(void **state)
{
    char *scratch = scratch_new();
    char *root CLEANUP_FREE = scratch_path(scratch, "root");
    char *cache CLEANUP_FREE = scratch_path(scratch, "cache");
    scratch_run("bash", "-c", make_store, "bash", root);
    (void)setenv("XDG_CACHE_HOME", cache, 1);
    *state = scratch;
    return 0;
}

static int teardown(void **state)
{
    scratch_run("chmod", "-R", "u+w", *state);
    scratch_free((char **)state);
    return 0;
}

/* Gets the image of the paths, "0-p 1-p". Returns the open entry. */
static struct cache_entry get(const char *scratch, const char *names)
{
    char *list CLEANUP_FREE = scratch_path(scratch, "store-paths");
    char *root CLEANUP_FREE = scratch_path(scratch, "root");
    const struct storeimage image = {.list = list, .prefix = root, .packed = true};
    struct cache_entry entry;
    struct error e CLEANUP_ERROR = {0};
    scratch_run("sh", "-c", "for name in $2; do echo /nix/store/$name; done >\"$1\"", "sh", list,
                names);
    if (storeimage_get(&entry, &image, scratch, &e) < 0)
        fail_msg("%s", e.message);
    return entry;
}

static void drop(struct cache_entry *entry)
{
    cleanup_close(&entry->lock);
    free(TAKE(entry->path));
}

/* Checks the image of these paths by what a guest reads of it: exactly the paths, as they are. */
static void check(const char *scratch, const struct cache_entry *entry, const char *names)
{
    char *image CLEANUP_FREE = xasprintf("%s/" STOREIMAGE_NAME, entry->path);
    scratch_run(
        "bash", "-ec",
        "exec >&2; qemu-img check -q \"$2\"; qemu-img convert -f qcow2 -O raw \"$2\" \"$1/raw\"; "
        "rm -rf \"$1/seen\"; fsck.erofs --extract=\"$1/seen\" \"$1/raw\" >/dev/null; "
        "[ \"$(cd \"$1/seen\" && echo *)\" = \"$3\" ]; for name in $3; do "
        "diff -r --no-dereference \"$1/root/nix/store/$name\" \"$1/seen/$name\"; done; "
        "links=$(find \"$1/seen\" -mindepth 1 -maxdepth 1 -type d | wc -l); "
        "dump.erofs --nid=36 \"$1/raw\" | grep -q \"Links: $((links + 2)) \"",
        "bash", scratch, image, names);
}

static void get_and_check(const char *scratch, const char *names)
{
    struct cache_entry entry = get(scratch, names);
    check(scratch, &entry, names);
    drop(&entry);
}

static char *pack_path(void)
{
    char *cache CLEANUP_FREE = cache_directory();
    return xasprintf("%s/" STOREPACK_NAME, cache);
}

/* Reads the index; the caller frees. */
static struct packindex read_index(void)
{
    struct packindex index = {0};
    char *path CLEANUP_FREE = pack_path();
    int fd CLEANUP_CLOSE = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(packindex_read(&index, fd), 0);
    return index;
}

static size_t count_pieces(void)
{
    struct packindex index CLEANUP_PACKINDEX = read_index();
    return index.count;
}

/* The blocks of the file of pieces, in bytes. */
static uint64_t disk_usage(void)
{
    char *cache CLEANUP_FREE = cache_directory();
    char *data CLEANUP_FREE = storepack_identify(cache);
    struct stat st;
    assert_non_null(data);
    assert_int_equal(stat(data, &st), 0);
    return (uint64_t)st.st_blocks * 512;
}

/* Runs a shell command in the pack's directory. */
static void in_pack(const char *command)
{
    char *path CLEANUP_FREE = pack_path();
    char *script CLEANUP_FREE = xasprintf("cd \"$1\"; %s", command);
    scratch_run("bash", "-ec", script, "bash", path);
}

/* The order of what reaches the disk. */
static struct {
    struct timespec pieces; /* the last change of the file of pieces that has been written back */
    bool settled;           /* the cache's directory has been */
    bool no_holes;          /* the filesystem cannot punch holes */
    size_t holes;           /* how many were asked for */
    size_t early;           /* what came before that on which it depends */
} disk;

static bool is_file(int fd, const char *name)
{
    char link[64];
    char path[PATH_MAX] = "";
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    (void)!readlink(link, path, sizeof path - 1);
    return startswith(text_after_last(path, '/'), name) != NULL;
}

/* These stand before the C library's. */
int fdatasync(int fd)
{
    struct stat st;
    if (is_file(fd, STOREPACK_DATA) && fstat(fd, &st) == 0) {
        disk.pieces = st.st_mtim;
    } else if (is_file(fd, PACKINDEX_NAME)) {
        char *cache CLEANUP_FREE = cache_directory();
        char *data CLEANUP_FREE = storepack_identify(cache);
        assert_int_equal(stat(data, &st), 0);
        disk.early += memcmp(&st.st_mtim, &disk.pieces, sizeof st.st_mtim) != 0;
        disk.pieces = (struct timespec){0}; /* no more is to be named */
    }
    return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    disk.settled |= is_file(fd, "run-vm");
    return (int)syscall(SYS_fsync, fd);
}

int fallocate(int fd, int mode, off_t offset, off_t length)
{
    struct packindex index CLEANUP_PACKINDEX = read_index();
    disk.holes++;
    disk.early += !disk.settled;
    for (size_t i = 0; i < index.count; i++) {
        off_t base = (off_t)index.pieces[i].piece.base;
        disk.early += base >= offset && base < offset + length;
    }
    if (disk.no_holes) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return (int)syscall(SYS_fallocate, fd, mode, offset, length);
}

/* Every piece that the index names when the power goes at that instant is on the disk. */
static void pieces_are_on_the_disk_before_the_index_names_them(void **state)
{
    static const char *const closures[] = {"0-p", "0-p 1-p", "2-p 3-p", "3-p 4-p 5-p"};
    (void)memset(&disk, 0, sizeof disk);
    for (size_t i = 0; i < ELEMENTS(closures); i++) {
        get_and_check(*state, closures[i]);
        assert_int_equal(disk.early, 0);
        assert_int_equal(disk.pieces.tv_sec, 0); /* the index came behind them */
    }
}

static void only_new_paths_are_added(void **state)
{
    get_and_check(*state, "0-p 1-p 2-p");
    assert_int_equal(count_pieces(), 3);
    in_pack("head -c 17000000 pack-* | sha256sum >before");
    get_and_check(*state, "1-p 2-p 3-p");
    assert_int_equal(count_pieces(), 4);
    in_pack("head -c 17000000 pack-* | sha256sum | cmp - before");
    get_and_check(*state, "0-p 1-p 2-p");
    assert_int_equal(count_pieces(), 4);
}

static void a_path_that_was_rebuilt_is_read_again(void **state)
{
    get_and_check(*state, "0-p 1-p");
    scratch_run("sh", "-c", "cd \"$1/root/nix/store\"; rm -r 0-p; mkdir 0-p; echo new >0-p/file",
                "sh", *state);
    get_and_check(*state, "0-p 1-p");
    assert_int_equal(count_pieces(), 3);
}

static void a_guest_sees_nothing_of_another_closure(void **state)
{
    struct cache_entry other = get(*state, "0-p 2-p 4-p");
    get_and_check(*state, "1-p 3-p");
    char *raw CLEANUP_FREE = scratch_path(*state, "raw");
    scratch_run("bash", "-ec",
                "for i in 1 3; do grep -q \"secret of $i\" \"$1\"; done; "
                "for i in 0 2 4; do ! grep -q \"secret of $i\" \"$1\" || exit 1; done; "
                "! grep -q -e 0-p -e 2-p \"$1\"",
                "bash", raw);
    drop(&other);
}

/* The end of the index is what a crash leaves: torn, or filled with anything. */
static void a_bad_end_of_the_index_is_cut_off(void **state)
{
    static const char *const ends[] = {
        "truncate -s -1 index",
        "truncate -s -40 index",
        "truncate -s -40 index; head -c 100 /dev/urandom >>index",
        "head -c 5000 /dev/zero >>index",
        "echo >>index",
        "tail -n 1 index >>index",
        "tail -n 1 index | sed 's/p$/q/' >>index",
        "sed -i '$ s/^\\([^ ]* [^ ]*\\) [0-9]*/\\1 4096/' index", /* BYTES */
        "echo '00000000 16777216 4096 524288 1 16384 1 1 1 1 1 x-p' >>index",
        "head -c 3000000 /dev/urandom >>$(echo pack-*)",
    };
    struct cache_entry used = get(*state, "0-p 9-p");
    for (size_t i = 0; i < ELEMENTS(ends); i++) {
        in_pack(ends[i]);
        char *names CLEANUP_FREE = xasprintf("0-p %zu-p %zu-p", 1 + i % 8, 2 + i % 8);
        get_and_check(*state, names);
        check(*state, &used, "0-p 9-p"); /* whatever the index has lost of it */
        in_pack("[ $(sed 's/.* //' index | sort | uniq -d | wc -l) = 0 ]");
    }
    drop(&used);
}

static void a_damaged_pack_is_begun_anew(void **state)
{
    static const char *const damages[] = {"rm pack-*",
                                          "truncate -s 17M pack-*",
                                          "rm index",
                                          ": >index",
                                          "sed -i 1s/1/2/ index",
                                          "rm -f *",
                                          "rm -rf \"$PWD\"",
                                          "mv index x; mkdir index; rmdir index"};
    get_and_check(*state, "0-p 1-p");
    for (size_t i = 0; i < ELEMENTS(damages); i++) {
        in_pack(damages[i]);
        get_and_check(*state, "0-p 1-p 2-p");
        get_and_check(*state, "0-p 1-p");
    }
}

/* Removes the views that nobody uses, and collects. */
static void prune(void)
{
    char *cache CLEANUP_FREE = cache_directory();
    const struct cache_limits all = {0};
    assert_int_equal(cacheitems_prune(cache, &all, NULL, NULL), 0);
    assert_int_equal(packcollect(cache, NULL), 0);
}

static void collecting_keeps_what_a_view_needs(void **state)
{
    struct cache_entry used = get(*state, "1-p 3-p");
    get_and_check(*state, "0-p 1-p 2-p 4-p");
    uint64_t before = disk_usage();
    prune();
    assert_int_equal(count_pieces(), 2);
    assert_true(disk_usage() + 450000 < before);
    check(*state, &used, "1-p 3-p");
    get_and_check(*state, "0-p 1-p 3-p");
    check(*state, &used, "1-p 3-p");
    drop(&used);
    prune();
    in_pack("[ -z \"$(ls)\" ]");
    get_and_check(*state, "0-p 1-p 3-p");
}

/* Neither the index nor a view that the disk still has names what is given back. */
static void what_is_given_back_is_named_nowhere_on_the_disk(void **state)
{
    (void)memset(&disk, 0, sizeof disk);
    get_and_check(*state, "0-p 1-p 2-p 3-p 4-p");
    struct cache_entry used = get(*state, "1-p 3-p");
    disk.settled = false;
    prune();
    assert_true(disk.holes > 0);
    assert_int_equal(disk.early, 0);
    drop(&used);
}

/* A file that can only grow is left to its last view, once most of it is of no use. */
static void without_holes_the_pack_is_begun_anew(void **state)
{
    (void)memset(&disk, 0, sizeof disk);
    disk.no_holes = true;
    get_and_check(*state, "0-p");
    struct cache_entry one = get(*state, "1-p");
    prune();
    assert_int_equal(count_pieces(), 1); /* half is of use */
    get_and_check(*state, "2-p 3-p");
    struct cache_entry two = get(*state, "4-p");
    prune();
    in_pack("[ ! -e index ]");
    get_and_check(*state, "1-p 2-p");
    in_pack("[ $(ls | grep -c pack-) = 2 ]");
    check(*state, &one, "1-p");
    check(*state, &two, "4-p");
    drop(&one);
    drop(&two);
    prune();
    in_pack("[ -z \"$(ls)\" ]");
    disk.no_holes = false;
}

/* Without the index nothing says which pieces there are, but the views still do. */
static void a_pack_without_an_index_is_collected(void **state)
{
    struct cache_entry used = get(*state, "1-p 3-p");
    in_pack("rm index");
    prune();
    in_pack("[ -e pack-* ]");
    check(*state, &used, "1-p 3-p");
    drop(&used);
    prune();
    in_pack("[ -z \"$(ls)\" ]");
}

static uint64_t listed_bytes(void)
{
    char *cache CLEANUP_FREE = cache_directory();
    struct cache_items items CLEANUP_CACHE_ITEMS = {0};
    assert_int_equal(cacheitems_read(&items, cache, NULL), 0);
    uint64_t bytes = 0;
    for (size_t i = 0; i < items.count; i++)
        bytes += items.items[i].bytes;
    return bytes;
}

static void each_piece_counts_once_in_the_size_of_the_cache(void **state)
{
    struct cache_entry first = get(*state, "1-p");
    uint64_t one = listed_bytes();
    assert_true(one > 150000);
    struct cache_entry second = get(*state, "1-p 2-p");
    uint64_t two = listed_bytes();
    assert_true(two > one + 150000 && two < 2 * one + 10000);
    in_pack("rm index"); /* a second pack has other pieces at the same places */
    struct cache_entry third = get(*state, "1-p");
    assert_true(listed_bytes() > two + one - 10000);
    drop(&first);
    drop(&second);
    drop(&third);
}

/* A run-vm that is killed between the index and the holes leaves what the next one punches. */
static void unneeded_bytes_are_given_back_again(void **state)
{
    get_and_check(*state, "0-p 1-p 2-p");
    struct cache_entry used = get(*state, "2-p");
    in_pack("sed -i /-p$/!b\\;/2-p$/b\\;d index");
    assert_int_equal(count_pieces(), 1);
    uint64_t before = disk_usage();
    prune();
    assert_true(disk_usage() + 300000 < before);
    check(*state, &used, "2-p");
    drop(&used);
}

static void nothing_is_collected_while_a_record_cannot_be_read(void **state)
{
    struct cache_entry used = get(*state, "0-p 1-p");
    get_and_check(*state, "0-p 2-p");
    char *record CLEANUP_FREE = xasprintf("%s/pieces", used.path);
    scratch_run("sh", "-c", "chmod u+w \"$1\"; truncate -s -1 \"$1\"", "sh", record);
    char *cache CLEANUP_FREE = cache_directory();
    assert_true(packcollect(cache, NULL) < 0);
    assert_int_equal(count_pieces(), 3);
    check(*state, &used, "0-p 1-p");
    drop(&used);
}

static void where_nothing_is_cached_the_pieces_are_in_the_image(void **state)
{
    (void)setenv("XDG_CACHE_HOME", "/proc/nowhere", 1);
    struct cache_entry entry = get(*state, "0-p 1-p 2-p");
    assert_int_equal(entry.lock, -1);
    check(*state, &entry, "0-p 1-p 2-p");
    drop(&entry);
}

/* Nobody but the writer can write to the pieces. */
static void the_files_that_qemu_opens_are_read_only(void **state)
{
    struct cache_entry entry = get(*state, "0-p");
    in_pack("[ \"$(stat -c %a pack-*)\" = 444 ]");
    char *image CLEANUP_FREE = xasprintf("%s/" STOREIMAGE_NAME, entry.path);
    scratch_run("sh", "-ec", "[ \"$(stat -c %a \"$1\")\" = 444 ]", "sh", image);
    drop(&entry);
}

/* Locks the pack as a writer does. Returns the descriptor that holds the lock. */
static int lock_pack(void)
{
    char *path CLEANUP_FREE = pack_path();
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    return fd;
}

static void a_writer_waits_for_another(void **state)
{
    get_and_check(*state, "0-p");
    int other = lock_pack();
    pid_t child = fork();
    if (child == 0) {
        close(other);
        struct cache_entry entry = get(*state, "1-p");
        drop(&entry);
        _exit(0);
    }
    int status = 0;
    for (int i = 0; i < 100; i++) { /* a second, in which it would have ended */
        assert_int_equal(waitpid(child, &status, WNOHANG), 0);
        (void)poll(NULL, 0, 10);
    }
    close(other);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(count_pieces(), 2);
}

/* Everything that a tree can have: names, modes, types, and sizes around those of blocks. */
static void every_kind_of_tree_is_as_it_is(void **state)
{
    scratch_run(
        "bash", "-ec",
        "mkdir -p \"$1/root/nix/store/x\"; cd \"$1/root/nix/store/x\"; "
        "for size in 0 1 31 4031 4032 4033 4063 4064 4065 4095 4096 4097 8191 8192 12300; do "
        "head -c $size /dev/urandom >s$size; done; mkdir -p many deep/a/b/c/d 'a b' empty; "
        "(cd many; for ((i = 0; i < 3000; i++)); do echo $i >file-with-a-longer-name-$i; done); "
        "touch $'n\\303\\244me~nix~case~hack~1' '!first' .hidden $'new\\nline' "
        "$(printf %0255d 0); mkdir '!dir' '!dir/.x'; ln s31 deep/a/b/hard; ln s31 zhard; "
        "ln -s nowhere dangling; ln -s \"$(printf %04094d 0)\" long; "
        "truncate -s 3M hole; echo end >>hole; chmod 0551 s31; chmod 0 s1; "
        "chmod 0500 empty; cp s8192 ../file; ln -s x/s1 ../symlink; "
        "mkdir ../y ../z; echo both >../y/a; ln ../y/a ../z/b",
        "bash", *state);
    get_and_check(*state, "file symlink x y z");
    scratch_run(
        "bash", "-ec",
        "exec >&2; cd \"$1\"; for d in root/nix/store seen; do (cd $d; find file symlink x -printf "
        "'%p %m %n %y %l\\n' | grep -v -e ' 1 l' -e -longer- | sort) >list-${d%%/*}; done; "
        "diff <(sed 's/ [0-9]* f / f /' list-root) <(sed 's/ [0-9]* f / f /' list-seen)",
        "bash", *state);
    assert_true(disk_usage() < 20000000);
}

/* The fsck.erofs of Debian 12 crashes on such a file, also in an image of mkfs.erofs. */
static void a_sparse_file_of_more_than_4_gib_stays_sparse(void **state)
{
    scratch_run("bash", "-ec",
                "cd \"$1/root/nix/store\"; truncate -s 5G sparse; "
                "printf x | dd of=sparse bs=1 seek=4500000000 conv=notrunc status=none",
                "bash", *state);
    struct cache_entry entry = get(*state, "sparse");
    struct packindex index CLEANUP_PACKINDEX = read_index();
    char *cache CLEANUP_FREE = cache_directory();
    char *data CLEANUP_FREE = storepack_identify(cache);
    int fd CLEANUP_CLOSE = open(data, O_RDONLY | O_CLOEXEC);
    char byte = 0;
    /* behind the block of its inode */
    off_t at = (off_t)index.pieces[0].piece.base + 4096 + 4500000000;
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    assert_int_equal(byte, 'x');
    assert_int_equal(index.pieces[0].piece.bytes, 4096 + (UINT64_C(5) << 30));
    assert_true(disk_usage() < 1000000);
    drop(&entry);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pieces_are_on_the_disk_before_the_index_names_them),
        TEST(only_new_paths_are_added),
        TEST(a_path_that_was_rebuilt_is_read_again),
        TEST(a_guest_sees_nothing_of_another_closure),
        TEST(a_bad_end_of_the_index_is_cut_off),
        TEST(a_damaged_pack_is_begun_anew),
        TEST(collecting_keeps_what_a_view_needs),
        TEST(what_is_given_back_is_named_nowhere_on_the_disk),
        TEST(without_holes_the_pack_is_begun_anew),
        TEST(a_pack_without_an_index_is_collected),
        TEST(each_piece_counts_once_in_the_size_of_the_cache),
        TEST(unneeded_bytes_are_given_back_again),
        TEST(nothing_is_collected_while_a_record_cannot_be_read),
        TEST(where_nothing_is_cached_the_pieces_are_in_the_image),
        TEST(the_files_that_qemu_opens_are_read_only),
        TEST(a_writer_waits_for_another),
        TEST(every_kind_of_tree_is_as_it_is),
        TEST(a_sparse_file_of_more_than_4_gib_stays_sparse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
