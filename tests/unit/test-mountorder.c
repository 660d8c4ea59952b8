/* SPDX-License-Identifier: MIT */
#include "init/plan/mountorder.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "tests/unit/unit.h"

/* A mount at `where`; with `what` a path it is a bind, otherwise a filesystem of that name. */
static struct plan_mount at(const char *where, const char *what)
{
    return (struct plan_mount){.source = *what == '/' ? PLAN_BIND : PLAN_NAME,
                               .what = (char *)what,
                               .where = (char *)where};
}

static struct plan_mount overlay(const char *where, const char *lower, const char *upper)
{
    struct plan_mount mount = {
        .source = PLAN_OVERLAY, .what = (char *)"overlay", .where = (char *)where};
    strv_push(&mount.layers.lower, lower);
    mount.layers.upper = (char *)upper;
    mount.layers.work = (char *)upper;
    return mount;
}

static void assert_order(struct plan_mount *mounts, size_t count, const char *expected)
{
    struct strv names CLEANUP_STRV = {0};
    struct error e CLEANUP_ERROR = {0};
    if (mountorder_sort(mounts, count, &e) < 0)
        fail_msg("%s", e.message);
    for (size_t i = 0; i < count; i++) {
        strv_push(&names, mounts[i].where);
        strv_free(&mounts[i].layers.lower);
    }
    char *text CLEANUP_FREE = strv_join(&names, " ");
    assert_string_equal(text, expected);
}

static void the_given_order_stays_where_it_can(void **state)
{
    (void)state;
    struct plan_mount mounts[] = {at("/", "tmpfs"), at("/z", "z"), at("/a", "a"), at("/m", "m")};
    assert_order(mounts, ELEMENTS(mounts), "/ /z /a /m");
}

static void a_mount_comes_after_the_one_it_is_in(void **state)
{
    (void)state;
    struct plan_mount mounts[] = {at("/a/b/c", "x"), at("/a/b", "x"), at("/ab", "x"), at("/a", "x"),
                                  at("/", "x")};
    assert_order(mounts, ELEMENTS(mounts), "/ /ab /a /a/b /a/b/c");
}

static void a_bind_comes_after_its_source(void **state)
{
    (void)state;
    struct plan_mount mounts[] = {at("/", "x"), at("/b", "/data/sub"), at("/c", "/b"),
                                  at("/data", "x")};
    assert_order(mounts, ELEMENTS(mounts), "/ /data /b /c");
}

static void an_overlay_comes_after_all_its_layers(void **state)
{
    (void)state;
    struct plan_mount mounts[] = {overlay("/nix/store", "/nix/.ro-store", "/nix/.rw-store/store"),
                                  at("/nix/.rw-store", "tmpfs"), at("/nix/.ro-store", "share"),
                                  at("/nix", "disk"), at("/", "x")};
    assert_order(mounts, ELEMENTS(mounts), "/ /nix /nix/.rw-store /nix/.ro-store /nix/store");
}

static void an_overlay_may_cover_its_own_layer(void **state)
{
    (void)state;
    struct plan_mount mounts[] = {overlay("/etc", "/etc", "/upper/etc"), at("/upper", "tmpfs"),
                                  at("/", "x")};
    assert_order(mounts, ELEMENTS(mounts), "/ /upper /etc");
}

static void what_the_root_is_made_of_comes_before_it(void **state)
{
    (void)state;
    struct plan_mount mounts[] = {at("/lower", "inside"), overlay("/", "/lower", "/upper/u"),
                                  at("/upper", "tmpfs"), at("/lower", "disk")};
    mounts[2].outside = mounts[3].outside = true;
    assert_order(mounts, ELEMENTS(mounts), "/upper /lower / /lower");
    assert_true(mounts[1].outside);
    assert_false(mounts[3].outside);
}

static void a_cycle_is_an_error_that_names_it(void **state)
{
    (void)state;
    struct plan_mount mounts[] = {at("/", "x"),       at("/fine", "x"), at("/late", "/a"),
                                  at("/a", "/b/sub"), at("/b", "/c"),   at("/c", "/a")};
    struct error e CLEANUP_ERROR = {0};
    assert_int_equal(mountorder_sort(mounts, ELEMENTS(mounts), &e), -EINVAL);
    assert_error_names(e, "/a needs /b", "/b needs /c", "/c needs /a");
    assert_null(strstr(e.message, "/late"));
    assert_null(strstr(e.message, "/fine"));
}

static void one_target_twice_is_an_error_that_names_both(void **state)
{
    (void)state;
    struct plan_mount mounts[] = {at("/", "x"), at("/a", "first"), at("/a", "second")};
    struct error e CLEANUP_ERROR = {0};
    assert_int_equal(mountorder_sort(mounts, ELEMENTS(mounts), &e), -EINVAL);
    assert_error_names(e, "/a", "first", "second");
}

/* 200 mounts in any order, nested and bound across each other. */
static void any_order_given_leads_to_a_good_one(void **state)
{
    (void)state;
    enum { COUNT = 200 };
    static char names[COUNT][32];
    struct plan_mount mounts[COUNT];
    srandom(1);
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < COUNT; i++) {
            (void)snprintf(names[i], sizeof names[i], i % 3 ? "/%zu/%zu" : "/%zu", i / 3, i);
            mounts[i] = at(i ? names[i] : "/", i && i % 7 == 0 ? names[i - 1] : "x");
        }
        for (size_t i = COUNT - 1; i > 0; i--) {
            size_t other = (size_t)random() % (i + 1);
            struct plan_mount swap = mounts[i];
            mounts[i] = mounts[other];
            mounts[other] = swap;
        }
        assert_int_equal(mountorder_sort(mounts, COUNT, NULL), 0);
        for (size_t i = 0; i < COUNT; i++)
            for (size_t later = i + 1; later < COUNT; later++) {
                assert_false(mountorder_is_within(mounts[i].where, mounts[later].where));
                assert_false(mounts[i].source == PLAN_BIND &&
                             mountorder_is_within(mounts[i].what, mounts[later].where));
            }
    }
}

static void a_path_is_within_whole_names_only(void **state)
{
    (void)state;
    assert_true(mountorder_is_within("/a/b", "/a"));
    assert_true(mountorder_is_within("/a", "/a"));
    assert_true(mountorder_is_within("/a", "/"));
    assert_false(mountorder_is_within("/ab", "/a"));
    assert_false(mountorder_is_within("/a", "/a/b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_given_order_stays_where_it_can),
        cmocka_unit_test(a_mount_comes_after_the_one_it_is_in),
        cmocka_unit_test(a_bind_comes_after_its_source),
        cmocka_unit_test(an_overlay_comes_after_all_its_layers),
        cmocka_unit_test(an_overlay_may_cover_its_own_layer),
        cmocka_unit_test(what_the_root_is_made_of_comes_before_it),
        cmocka_unit_test(a_cycle_is_an_error_that_names_it),
        cmocka_unit_test(one_target_twice_is_an_error_that_names_both),
        cmocka_unit_test(any_order_given_leads_to_a_good_one),
        cmocka_unit_test(a_path_is_within_whole_names_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
