/* SPDX-License-Identifier: MIT */
#include "host/store/storeimage.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "host/store/storetree.h"
#include "host/system/process.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

/* A store with all that a file tree can have, and a path that is not in the closure. */
static const char make_store[] =
    "set -e; umask 022; mkdir -p \"$1/nix/store\"; cd \"$1/nix/store\"; "
    "mkdir -p aa-tree/empty aa-tree/deep/er zz-other; echo text > aa-tree/file; echo run > "
    "aa-tree/run; chmod 555 aa-tree/run; "
    "ln aa-tree/file aa-tree/hard; ln -s ../bb-file aa-tree/link; ln -s /nowhere aa-tree/dangling; "
    "echo x > 'aa-tree/n\303\244me~nix~case~hack~1'; echo x > 'aa-tree/a b'; : > aa-tree/nothing; "
    "head -c 300000 /dev/zero > aa-tree/deep/er/big; echo hidden > aa-tree/.hidden; "
    "echo single > bb-file; ln -s aa-tree cc-link; echo other > zz-other/file; "
    "chmod 444 bb-file aa-tree/file; chmod 555 aa-tree/deep aa-tree";

static const char list[] = "/nix/store/cc-link\n/nix/store/aa-tree\n/nix/store/bb-file\n";

static int setup(void **state)
{
    char *scratch = scratch_new();
    char *prefix CLEANUP_FREE = scratch_path(scratch, "a prefix");
    char *cache CLEANUP_FREE = scratch_path(scratch, "cache");
    scratch_run("bash", "-c", make_store, "bash", prefix);
    scratch_write(scratch, "store-paths", list);
    (void)setenv("XDG_CACHE_HOME", cache, 1);
    assert_int_equal(chmod(scratch, 0755), 0);
    *state = scratch;
    return 0;
}

static int teardown(void **state)
{
    scratch_run("chmod", "-R", "u+w", *state);
    scratch_free((char **)state);
    return 0;
}

/* Gets the image of SCRATCH/store-paths below SCRATCH/PREFIX. */
static int get(struct cache_entry *entry, const char *scratch, const char *prefix_name, bool packed,
               struct error *e)
{
    char *paths CLEANUP_FREE = scratch_path(scratch, "store-paths");
    char *prefix CLEANUP_FREE = scratch_path(scratch, prefix_name);
    const struct storeimage wanted = {.list = paths, .prefix = prefix, .packed = packed};
    return storeimage_get(entry, &wanted, scratch, e);
}

/* The image, whatever it is, as one that the tools of erofs read; the caller frees. */
static char *image(const char *scratch, const char *prefix_name, bool packed)
{
    struct cache_entry entry;
    struct error e CLEANUP_ERROR = {0};
    if (get(&entry, scratch, prefix_name, packed, &e) < 0)
        fail_msg("%s", e.message);
    /* the image, its record, the record of its pieces, and its inputs, which may have two prefixes
     */
    assert_in_range(scratch_count(entry.path), 3, 4);
    (void)close(entry.lock);
    char *path = xasprintf("%s/" STOREIMAGE_NAME, entry.path);
    free(entry.path);
    if (!packed)
        return path;
    char *raw = scratch_path(scratch, "raw");
    scratch_run("bash", "-ec",
                "qemu-img check -q \"$1\"; qemu-img convert -f qcow2 -O raw \"$1\" \"$2\"", "bash",
                path, raw);
    free(path);
    return raw;
}

static void check_closure(const char *scratch, bool packed)
{
    char *path CLEANUP_FREE = image(scratch, "a prefix", packed);
    char *to CLEANUP_FREE = scratch_path(scratch, packed ? "packed" : "extracted");
    char *extract CLEANUP_FREE = xasprintf("--extract=%s", to);
    scratch_run("fsck.erofs", extract, path);
    char *store CLEANUP_FREE = scratch_path(scratch, "a prefix/nix/store");
    scratch_run("bash", "-ec",
                "diff -r --no-dereference --exclude=zz-other --exclude=.links \"$1\" \"$2\"; [ ! "
                "-e \"$2/zz-other\" ]; "
                "rmdir \"$2/.links\"; "
                "diff <(cd \"$1\" && find aa-tree bb-file cc-link -printf '%p %m %l\\n' | sort) "
                "<(cd \"$2\" && find aa-tree bb-file cc-link -printf '%p %m %l\\n' | sort)",
                "bash", store, to);
}

static void the_closure_and_nothing_else_is_in_it(void **state)
{
    check_closure(*state, false);
    check_closure(*state, true);
}

/* dump.erofs refuses a superblock whose checksum is wrong. */
static void it_has_the_label_that_fstab_names(void **state)
{
    for (int packed = 0; packed < 2; packed++) {
        char *path CLEANUP_FREE = image(*state, "a prefix", packed);
        scratch_run(
            "bash", "-ec",
            "PATH=$PATH:/usr/sbin; [ \"$(blkid -p -o value -s LABEL \"$1\")\" = nix-store ]; "
            "dump.erofs \"$1\" >/dev/null",
            "bash", path);
    }
}

static void the_same_closure_gives_the_same_bytes(void **state)
{
    char *first CLEANUP_FREE = image(*state, "a prefix", false);
    char *prefix CLEANUP_FREE = scratch_path(*state, "a prefix");
    char *copy CLEANUP_FREE = scratch_path(*state, "copy");
    /* other inodes, other times, another order in the directories */
    scratch_run(
        "bash", "-ec",
        "mkdir -p \"$2/nix/store\"; cd \"$1/nix/store\"; for p in bb-file aa-tree cc-link; do "
        "cp -r --preserve=mode,links \"$p\" \"$2/nix/store/$p\"; done",
        "bash", prefix, copy);
    char *second CLEANUP_FREE = image(*state, "copy", false);
    assert_string_equal(first, second); /* the cache has found that they are the same */
}

/* More than the specification's one argument could exclude. */
static void a_closure_may_have_5000_paths(void **state)
{
    char *store CLEANUP_FREE = scratch_path(*state, "a prefix/nix/store");
    char *paths CLEANUP_FREE = scratch_path(*state, "store-paths");
    scratch_run("bash", "-ec",
                "cd \"$1\"; for ((i = 0; i < 5000; i++)); do mkdir $i-p; echo $i > $i-p/f; "
                "echo /nix/store/$i-p; done > \"$2\"",
                "bash", store, paths);
    char *path CLEANUP_FREE = image(*state, "a prefix", false);
    char *to CLEANUP_FREE = scratch_path(*state, "extracted");
    char *extract CLEANUP_FREE = xasprintf("--extract=%s", to);
    scratch_run("fsck.erofs", extract, path);
    scratch_run("bash", "-ec",
                "cd \"$1\"; [ $(ls | wc -l) = 5000 ]; for ((i = 0; i < 5000; i++)); do "
                "read -r n < $i-p/f; [ $n = $i ]; done",
                "bash", to);
}

static void the_second_start_makes_nothing(void **state)
{
    char *first CLEANUP_FREE = image(*state, "a prefix", false);
    char *path CLEANUP_FREE = xstrdup(getenv("PATH"));
    (void)setenv("PATH", "/nowhere", 1);
    char *second CLEANUP_FREE = image(*state, "a prefix", false);
    (void)setenv("PATH", path, 1);
    assert_string_equal(first, second);
}

static void a_path_that_is_missing_is_an_error(void **state)
{
    scratch_write(*state, "store-paths", "/nix/store/aa-tree\n/nix/store/nosuch\n");
    struct cache_entry entry;
    struct error e CLEANUP_ERROR = {0};
    assert_true(get(&entry, *state, "a prefix", false, &e) < 0);
    assert_error_names(e, "/nix/store/nosuch", "store image");
}

static void a_tool_that_fails_gives_its_status(void **state)
{
    char *tools CLEANUP_FREE = scratch_path(*state, "tools");
    assert_int_equal(mkdir(tools, 0755), 0);
    scratch_write(tools, "mkfs.erofs", "#!/bin/sh\nexit 7\n");
    char *tool CLEANUP_FREE = scratch_path(tools, "mkfs.erofs");
    assert_int_equal(chmod(tool, 0755), 0);
    char *path CLEANUP_FREE = xstrdup(getenv("PATH"));
    char *changed CLEANUP_FREE = xasprintf("%s:%s", tools, path);
    (void)setenv("PATH", changed, 1);
    struct cache_entry entry;
    struct error e CLEANUP_ERROR = {0};
    assert_true(get(&entry, *state, "a prefix", false, &e) < 0);
    (void)setenv("PATH", path, 1);
    assert_int_equal(e.status, 7);
    char *cache CLEANUP_FREE = cache_directory();
    assert_int_equal(scratch_count(cache), 1); /* the file of locks */
}

/* Writes a program's view of the tree to SCRATCH/seen, in a child process that can have another
 * user. Returns 0 or -ENOTSUP. */
static int look_at_mounts(const char *scratch, const struct storetree *tree, uid_t uid)
{
    struct strv argv CLEANUP_STRV = {0};
    strv_push(&argv, "sh");
    strv_push(&argv, "-c");
    strv_pushf(&argv, "cd '%s/tree' && find . -printf '%%p %%m %%y %%l\\n' | sort > '%s/seen'",
               scratch, scratch);
    pid_t child = fork();
    if (child == 0) {
        if (uid != geteuid() &&
            (setgroups(0, NULL) < 0 || setgid(uid) < 0 || setuid(uid) < 0 ||
             /* else /proc/self would still belong to root, unlike that of an ordinary user */
             prctl(PR_SET_DUMPABLE, 1) < 0))
            _exit(99);
        _exit(-storetree_run(tree, &argv, NULL, NULL));
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return -WEXITSTATUS(status);
}

static void mounts_and_copies_show_the_same(void **state)
{
    const char *scratch = *state;
    char *prefix CLEANUP_FREE = scratch_path(scratch, "a prefix");
    char *directory CLEANUP_FREE = scratch_path(scratch, "tree");
    struct strv paths CLEANUP_STRV = {0};
    strv_split(&paths, "/nix/store/aa-tree /nix/store/bb-file /nix/store/cc-link", ' ');
    const struct storetree tree = {.paths = &paths, .prefix = prefix, .directory = directory};
    assert_int_equal(mkdir(directory, 0755), 0);
    scratch_write(scratch, "seen", "");
    char *seen_path CLEANUP_FREE = scratch_path(scratch, "seen");
    assert_int_equal(chmod(seen_path, 0666), 0);
    assert_int_equal(look_at_mounts(scratch, &tree, geteuid()), 0);
    char *mounted CLEANUP_FREE = scratch_read(scratch, "seen");
    assert_non_null(strstr(mounted, "./aa-tree/run 555 f"));
    assert_int_equal(scratch_count(directory), 0);
    /* root can become another user too */
    if (geteuid() == 0) {
        scratch_write(scratch, "seen", "");
        assert_int_equal(chown(directory, 65534, 65534), 0);
        assert_int_equal(look_at_mounts(scratch, &tree, 65534), 0);
        char *again CLEANUP_FREE = scratch_read(scratch, "seen");
        assert_string_equal(again, mounted);
        assert_int_equal(chown(directory, 0, 0), 0);
    }
    assert_int_equal(storetree_copy(&tree, NULL), 0);
    scratch_run("sh", "-c",
                "cd \"$1/tree\" && find . -printf '%p %m %y %l\\n' | sort > \"$1/seen\"", "sh",
                scratch);
    char *copied CLEANUP_FREE = scratch_read(scratch, "seen");
    assert_string_equal(copied, mounted);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_has_the_label_that_fstab_names),     TEST(the_closure_and_nothing_else_is_in_it),
        TEST(the_same_closure_gives_the_same_bytes), TEST(a_closure_may_have_5000_paths),
        TEST(the_second_start_makes_nothing),        TEST(a_path_that_is_missing_is_an_error),
        TEST(a_tool_that_fails_gives_its_status),    TEST(mounts_and_copies_show_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
