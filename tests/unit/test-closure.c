/* SPDX-License-Identifier: MIT */
/* The registration of a closure in a root that may be anybody's: its links lead inside it, and
 * nothing in it makes PID 1 wait. */
#include "init/nix/closure.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

static const char entry[] =
    "/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-a\n"
    "sha256:0000000000000000000000000000000000000000000000000000000000000000\n8\n\n0\n";

static int open_root(const char *scratch)
{
    int root = open(scratch, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(root >= 0);
    return root;
}

static void an_absolute_link_leads_inside_the_root(void **state)
{
    (void)state;
    struct error e CLEANUP_ERROR = {0};
    struct stat st;
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *nix CLEANUP_FREE = scratch_path(scratch, "nix/var/nix");
    char *link CLEANUP_FREE = scratch_path(scratch, "nix/var/nix/db");
    char *target CLEANUP_FREE = scratch_path(scratch, "run-vm-test-elsewhere/db");
    char *database CLEANUP_FREE = scratch_path(scratch, "run-vm-test-elsewhere/db/db.sqlite");
    int root CLEANUP_CLOSE = open_root(scratch);
    scratch_run("mkdir", "-p", nix, target);
    assert_int_equal(symlink("/run-vm-test-elsewhere/db", link), 0);
    scratch_write(scratch, "registration", entry);
    if (closure_register(root, "/registration", false, &e) < 0)
        fail_msg("%s", e.message);
    assert_int_equal(stat(database, &st), 0);
    assert_int_equal(lstat(link, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(access("/run-vm-test-elsewhere", F_OK), -1);
}

static void an_absolute_link_for_the_garbage_collector_s_roots_leads_inside_the_root(void **state)
{
    (void)state;
    struct error e CLEANUP_ERROR = {0};
    struct stat st;
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *nix CLEANUP_FREE = scratch_path(scratch, "nix/var/nix");
    char *link CLEANUP_FREE = scratch_path(scratch, "nix/var/nix/gcroots");
    char *target CLEANUP_FREE = scratch_path(scratch, "run-vm-test-elsewhere");
    char *made CLEANUP_FREE = scratch_path(scratch, "run-vm-test-elsewhere/run-vm/booted-system");
    int root CLEANUP_CLOSE = open_root(scratch);
    scratch_run("mkdir", "-p", nix, target);
    assert_int_equal(symlink("/run-vm-test-elsewhere", link), 0);
    if (closure_keep(root, "/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-a/init", "/registration",
                     &e) < 0)
        fail_msg("%s", e.message);
    assert_int_equal(lstat(made, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(access("/run-vm-test-elsewhere", F_OK), -1);
}

static void a_fifo_for_a_registration_is_refused(void **state)
{
    (void)state;
    struct error e CLEANUP_ERROR = {0};
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *fifo CLEANUP_FREE = scratch_path(scratch, "registration");
    int root CLEANUP_CLOSE = open_root(scratch);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(closure_register(root, "/registration", false, &e), -EINVAL);
    assert_error_names(e, "regInfo=/registration", "not a regular file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_absolute_link_leads_inside_the_root),
        cmocka_unit_test(an_absolute_link_for_the_garbage_collector_s_roots_leads_inside_the_root),
        cmocka_unit_test(a_fifo_for_a_registration_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
