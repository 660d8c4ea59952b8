/* SPDX-License-Identifier: MIT */
#include "host/run/bootsteps.h"

#include <errno.h>

#include "base/alloc.h"
#include "host/run/deadline.h"
#include "host/system/process.h"
#include "tests/unit/unit.h"

static const struct bootmark boot[] = {
    {BOOTMARK_CLOCK, 3000000, 3100000, "12345"},
    {BOOTMARK_STEP, 3000000, 3100000, "API filesystems"},
    {BOOTMARK_STEP, 3010000, 3110000, "modules"},
    {BOOTMARK_PART, 3020000, 3120000, "module ext4"},
    {BOOTMARK_PART, 3020000, 3120000, ""},
    {BOOTMARK_STEP, 3400000, 3500000, "devices"},
    {BOOTMARK_PART, 3400000, 3500000, "wait LABEL=disk"},
    {BOOTMARK_STEP, 3410000, 3510000, "mounts"},
    {BOOTMARK_STEP, 4000000, 4100000, "root"},
    {BOOTMARK_STARTED, 4500000, 4610000, ""},
};

/* Takes the first marks of the boot. */
static struct bootsteps after(size_t marks)
{
    struct bootsteps steps;
    bootsteps_start(&steps, 10000);
    for (size_t i = 0; i < marks; i++)
        (void)bootsteps_mark(&steps, &boot[i]);
    return steps;
}

static void the_line_has_every_step_and_its_time(void **state)
{
    static const struct {
        size_t marks;
        int64_t now;
        size_t columns;
        const char *line;
    } cases[] = {
        {0, 1000000, 80, "kernel..."},
        {0, 2500000, 80, "kernel 2 s..."},
        {2, 3100000, 80, "kernel 3 s..."},
        {3, 3200000, 80, "kernel 3.1 s, modules..."},
        {6, 9500000, 80, "kernel 3.1 s, modules 0.4 s, disk 6 s..."},
        {8, 3600000, 80, "kernel 3.1 s, modules 0.4 s, mounts..."}, /* the disk took 0.01 s */
        {10, 9900000, 80, "kernel 3.1 s, modules 0.4 s, mounts 1.1 s, stage 2"},
        {10, 9900000, 49, "kernel, modules, mounts, stage 2"},
        {10, 9900000, 31, "stage 2"},
        {8, 3600000, 20, "mounts..."},
    };
    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct bootsteps steps = after(cases[i].marks);
        char *line CLEANUP_FREE = bootsteps_format(&steps, cases[i].now, cases[i].columns);
        assert_string_equal(line, cases[i].line);
        bootsteps_free(&steps);
    }
}

static void the_last_mark_is_what_the_guest_did(void **state)
{
    static const struct {
        size_t marks;
        const char *last;
    } cases[] = {
        {0, NULL},
        {1, "its init began"},
        {4, "modules (module ext4)"},
        {5, "modules"},
        {7, "devices (wait LABEL=disk)"},
        {10, "stage 2"},
    };
    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct bootsteps steps = after(cases[i].marks);
        char *last CLEANUP_FREE = bootsteps_last(&steps);
        if (cases[i].last)
            assert_string_equal(last, cases[i].last);
        else
            assert_null(last);
        bootsteps_free(&steps);
    }
}

static void a_guest_that_boots_again_begins_again(void **state)
{
    (void)state;
    struct bootsteps steps = after(ELEMENTS(boot));
    const struct bootmark again = {BOOTMARK_STEP, 3010000, 9000000, "modules"};
    assert_true(bootsteps_mark(&steps, &again));
    char *line CLEANUP_FREE = bootsteps_format(&steps, 9100000, 80);
    assert_string_equal(line, "modules...");
    bootsteps_free(&steps);
}

static void a_deadline_says_what_was_last(void **state)
{
    static const struct {
        const char *step;
        const char *line;
        const char *message;
    } cases[] = {
        {NULL, NULL, "the guest has not ended within 9 s (--timeout)"},
        {"mounts", "", "the guest has not ended within 9 s (--timeout); the last it did: mounts"},
        {"mounts", "[1] x",
         "the guest has not ended within 9 s (--timeout); the last it did: mounts; the last line "
         "of its console: [1] x"},
    };
    (void)state;
    const struct deadline deadline = {.seconds = 9};
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct error e CLEANUP_ERROR = {0};
        assert_int_equal(deadline_report(&deadline, cases[i].step, cases[i].line, &e), -ETIMEDOUT);
        assert_string_equal(e.message, cases[i].message);
        assert_int_equal(e.status, 124);
    }
}

static void a_deadline_is_a_number_of_seconds(void **state)
{
    static const char *const wrong[] = {"", "0", "-1", "+1", " 1", "1 ", "5m", "1.5", "2147484"};
    (void)state;
    unsigned int seconds = 0;
    for (size_t i = 0; i < ELEMENTS(wrong); i++)
        assert_int_equal(deadline_parse(&seconds, wrong[i], NULL), -EINVAL);
    assert_int_equal(deadline_parse(&seconds, "2147483", NULL), 0);
    assert_int_equal(seconds, 2147483);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_line_has_every_step_and_its_time),
        cmocka_unit_test(the_last_mark_is_what_the_guest_did),
        cmocka_unit_test(a_guest_that_boots_again_begins_again),
        cmocka_unit_test(a_deadline_says_what_was_last),
        cmocka_unit_test(a_deadline_is_a_number_of_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
