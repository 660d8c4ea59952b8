/* SPDX-License-Identifier: MIT */
#include "init/nix/gcroots.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "tests/unit/nixfixture.h"
#include "tests/unit/unit.h"

static void what_is_booted_is_kept_from_garbage_collection(void **state)
{
    struct nixfixture *f = *state;
    struct error e CLEANUP_ERROR = {0};
    char target[128] = "";
    char *name CLEANUP_FREE = xasprintf("%s/gcroots/run-vm/booted-system", f->state_dir);
    assert_int_equal(gcroots_add(&f->target, "booted-system", A "/init", NULL), 0);
    assert_int_equal(readlink(name, target, sizeof target), strlen(A));
    assert_memory_equal(target, A, strlen(A));

    char *before CLEANUP_FREE = nixfixture_list(f);
    assert_int_equal(gcroots_add(&f->target, "booted-system", A "/bin/init", NULL), 0);
    char *after CLEANUP_FREE = nixfixture_list(f);
    assert_string_equal(after, before);

    assert_int_equal(gcroots_add(&f->target, "booted-system", B, NULL), 0);
    assert_int_equal(readlink(name, target, sizeof target), strlen(B));
    assert_memory_equal(target, B, strlen(B));

    static const char *const outside[] = {"/sbin/init", "/nix/store", "/nix/store/x",
                                          "/nix/store//"};
    for (size_t i = 0; i < ELEMENTS(outside); i++) {
        assert_int_equal(gcroots_add(&f->target, "x", outside[i], &e), -EINVAL);
        assert_error_names(e, outside[i]);
    }
    assert_int_equal(unlink(name), 0);
    assert_int_equal(mkdir(name, 0755), 0);
    assert_int_equal(gcroots_add(&f->target, "booted-system", B, &e), -EEXIST);
    assert_error_names(e, name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_booted_is_kept_from_garbage_collection,
                                        nixfixture_setup, nixfixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
