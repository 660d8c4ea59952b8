/* SPDX-License-Identifier: MIT */
#include "host/system/process.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "host/system/signals.h"
#include "tests/unit/unit.h"

static struct strv words(const char *text)
{
    struct strv list = {0};
    strv_split(&list, text, ' ');
    return list;
}

static void the_output_of_a_program_is_captured_whole(void **state)
{
    (void)state;
    struct strv argv CLEANUP_STRV = words("seq 100000");
    const struct process process = {.argv = &argv, .input = -1};
    size_t length = 0;
    char *text CLEANUP_FREE = process_capture(&process, &length, NULL);
    assert_non_null(text);
    assert_int_equal(length, 588895);
    assert_string_equal(text + length - 7, "100000\n");
}

static void an_exit_status_is_passed_on(void **state)
{
    (void)state;
    struct strv argv CLEANUP_STRV = words("sh -c exit\t7");
    const struct process process = {.argv = &argv, .input = -1, .output = -1};
    struct error e CLEANUP_ERROR = {0};
    assert_int_equal(process_run(&process, &e), -EPROTO);
    assert_int_equal(e.status, 7);
    assert_string_equal(e.message, "sh: failed with exit status 7");
}

static void a_program_killed_by_a_signal_is_said_to_be(void **state)
{
    (void)state;
    struct strv argv CLEANUP_STRV = {0};
    strv_push(&argv, "sh");
    strv_push(&argv, "-c");
    strv_push(&argv, "kill -9 $$");
    const struct process process = {.argv = &argv, .input = -1, .output = -1};
    struct error e CLEANUP_ERROR = {0};
    assert_int_equal(process_run(&process, &e), -EPROTO);
    assert_int_equal(e.status, 137);
    assert_non_null(strstr(e.message, "signal 9"));
}

static void a_missing_program_is_named_with_its_package(void **state)
{
    (void)state;
    char *path CLEANUP_FREE = xstrdup(getenv("PATH"));
    (void)setenv("PATH", "/nowhere", 1);
    struct strv argv CLEANUP_STRV = words("qemu-img create");
    const struct process process = {.argv = &argv, .input = -1, .output = -1};
    struct error e CLEANUP_ERROR = {0};
    assert_int_equal(process_run(&process, &e), -ENOENT);
    assert_int_equal(e.status, STATUS_UNAVAILABLE);
    assert_string_equal(e.message,
                        "qemu-img: not found on PATH; Debian has it in the package qemu-utils");
    (void)setenv("PATH", path, 1);
}

/* depmod is where Debian has it: in /usr/sbin, and in no directory of an ordinary user's PATH. */
static void an_administrators_program_is_found_without_being_on_path(void **state)
{
    (void)state;
    char *path CLEANUP_FREE = xstrdup(getenv("PATH"));
    struct error e CLEANUP_ERROR = {0};
    (void)setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1);
    char *found CLEANUP_FREE = process_find("depmod", &e);
    (void)setenv("PATH", path, 1);
    assert_non_null(found);
    assert_non_null(strstr(found, "/sbin/depmod"));
}

static void a_missing_directory_is_named(void **state)
{
    (void)state;
    struct strv argv CLEANUP_STRV = words("true");
    const struct process process = {
        .argv = &argv, .input = -1, .output = -1, .cwd = "/nowhere/at all"};
    struct error e CLEANUP_ERROR = {0};
    assert_int_equal(process_run(&process, &e), -ENOENT);
    assert_non_null(strstr(e.message, "/nowhere/at all"));
}

static void variables_are_added_and_replaced(void **state)
{
    (void)state;
    (void)setenv("RUN_VM_TEST_A", "old", 1);
    (void)setenv("RUN_VM_TEST_AB", "kept", 1);
    struct strv argv CLEANUP_STRV = {0};
    strv_push(&argv, "sh");
    strv_push(&argv, "-c");
    strv_push(&argv, "echo $RUN_VM_TEST_A $RUN_VM_TEST_AB $RUN_VM_TEST_C");
    struct strv environment CLEANUP_STRV = {0};
    strv_push(&environment, "RUN_VM_TEST_A=new");
    strv_push(&environment, "RUN_VM_TEST_C=added");
    const struct process process = {.argv = &argv, .input = -1, .environment = &environment};
    char *text CLEANUP_FREE = process_capture(&process, NULL, NULL);
    assert_string_equal(text, "new kept added\n");
}

static void a_signal_to_us_ends_the_program(void **state)
{
    (void)state;
    signals_block();
    struct strv argv CLEANUP_STRV = words("sleep 1000");
    const struct process process = {.argv = &argv, .input = -1, .output = -1};
    (void)kill(getpid(), SIGTERM);
    struct error e CLEANUP_ERROR = {0};
    assert_int_equal(process_run(&process, &e), -ECANCELED);
    assert_int_equal(e.status, 128 + SIGTERM);
}

/* The program's parent is killed at once. The program printed its pid to a pipe, which is read
 * until the program has exited. */
static void a_program_does_not_outlive_us(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t parent = fork();
    if (parent == 0) {
        (void)close(ends[0]);
        struct strv argv = words("sleep 1000");
        const struct process process = {.argv = &argv, .input = -1, .output = ends[1]};
        (void)process_start(&process, NULL);
        (void)kill(getpid(), SIGKILL);
    }
    (void)close(ends[1]);
    (void)waitpid(parent, NULL, 0);
    /* the end of the pipe is only seen when the program, which holds it, is dead */
    char byte;
    assert_int_equal(read(ends[0], &byte, 1), 0);
    (void)close(ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_output_of_a_program_is_captured_whole),
        cmocka_unit_test(an_exit_status_is_passed_on),
        cmocka_unit_test(a_program_killed_by_a_signal_is_said_to_be),
        cmocka_unit_test(a_missing_program_is_named_with_its_package),
        cmocka_unit_test(an_administrators_program_is_found_without_being_on_path),
        cmocka_unit_test(a_missing_directory_is_named),
        cmocka_unit_test(variables_are_added_and_replaced),
        cmocka_unit_test(a_program_does_not_outlive_us),
        cmocka_unit_test(a_signal_to_us_ends_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
