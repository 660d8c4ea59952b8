/* SPDX-License-Identifier: MIT */
#include "host/prepare/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "host/system/atomicfile.h"
#include "host/system/process.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

#define TEMPORARY_MODE 0700

struct fixture {
    char *scratch;
    struct plan plan;
};

static struct plan_file *add(struct fixture *f, enum file_kind kind, const char *name)
{
    struct plan *plan = &f->plan;
    plan->files = xreallocarray(plan->files, plan->file_count + 1, sizeof *plan->files);
    struct plan_file *file = &plan->files[plan->file_count++];
    *file = (struct plan_file){.kind = kind, .path = scratch_path(f->scratch, name)};
    return file;
}

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    f->scratch = scratch_new();
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < f->plan.file_count; i++) {
        free(f->plan.files[i].path);
        free(f->plan.files[i].source);
    }
    free(f->plan.files);
    free(f->plan.qemu_img);
    scratch_free(&f->scratch);
    free(f);
    return 0;
}

static void expect_success(struct prepared *prepared, const struct fixture *f)
{
    struct error e CLEANUP_ERROR = {0};
    if (prepare(prepared, &f->plan, NULL, &e) < 0)
        fail_msg("%s", e.message);
}

/* Returns qemu-img's description of an image. */
static char *describe(const struct plan_file *file)
{
    struct strv argv CLEANUP_STRV = {0};
    strv_split(&argv, "qemu-img info --output=json", ' ');
    strv_push(&argv, file->path);
    const struct process process = {.argv = &argv, .input = -1};
    char *text = process_capture(&process, NULL, NULL);
    assert_non_null(text);
    return text;
}

static void files_are_made_in_order(void **state)
{
    struct fixture *f = *state;
    add(f, FILE_DISK_IMAGE, "a disk, \"quoted\".qcow2")->bytes = 64 << 20;
    add(f, FILE_TEMPORARY, "temporary dir");
    add(f, FILE_DIRECTORY, "temporary dir/xchg");
    struct plan_file *overlay = add(f, FILE_DISK_OVERLAY, "temporary dir/over, lay.qcow2");
    overlay->source = scratch_path(f->scratch, "a disk, \"quoted\".qcow2");
    {
        struct prepared prepared CLEANUP_PREPARED = {0};
        expect_success(&prepared, f);
        char *image CLEANUP_FREE = describe(&f->plan.files[0]);
        assert_non_null(strstr(image, "\"virtual-size\": 67108864"));
        assert_non_null(strstr(image, "\"format\": \"qcow2\""));
        char *layer CLEANUP_FREE = describe(&f->plan.files[3]);
        assert_non_null(strstr(layer, "backing-filename"));
        struct stat st;
        assert_int_equal(stat(f->plan.files[1].path, &st), 0);
        assert_int_equal(st.st_mode & 0777, TEMPORARY_MODE);
        assert_int_equal(scratch_count(f->plan.files[1].path), 2);
    }
    /* the end: the image stays, nothing else */
    assert_int_equal(scratch_count(f->scratch), 1);
}

static void what_exists_is_left_as_it_is(void **state)
{
    struct fixture *f = *state;
    scratch_write(f->scratch, "disk.qcow2", "precious");
    scratch_write(f->scratch, "vars.fd", "precious");
    scratch_write(f->scratch, "template.fd", "new");
    add(f, FILE_DISK_IMAGE, "disk.qcow2")->bytes = 64 << 20;
    add(f, FILE_COPY, "vars.fd")->source = scratch_path(f->scratch, "template.fd");
    struct prepared prepared CLEANUP_PREPARED = {0};
    expect_success(&prepared, f);
    char *disk CLEANUP_FREE = scratch_read(f->scratch, "disk.qcow2");
    char *vars CLEANUP_FREE = scratch_read(f->scratch, "vars.fd");
    assert_string_equal(disk, "precious");
    assert_string_equal(vars, "precious");
}

static void what_is_to_be_replaced_is(void **state)
{
    struct fixture *f = *state;
    scratch_write(f->scratch, "base.qcow2", "");
    scratch_write(f->scratch, "boot.qcow2", "old");
    struct plan_file *base = add(f, FILE_DISK_IMAGE, "base.qcow2");
    base->bytes = 1000448;
    base->replace = true;
    struct plan_file *boot = add(f, FILE_DISK_OVERLAY, "boot.qcow2");
    boot->source = scratch_path(f->scratch, "base.qcow2");
    boot->replace = true;
    struct prepared prepared CLEANUP_PREPARED = {0};
    expect_success(&prepared, f);
    char *image CLEANUP_FREE = describe(boot);
    assert_non_null(strstr(image, "\"virtual-size\": 1000448"));
}

static void a_copy_has_its_mode(void **state)
{
    struct fixture *f = *state;
    scratch_write(f->scratch, "template.fd", "template");
    char *source = scratch_path(f->scratch, "template.fd");
    assert_int_equal(chmod(source, 0444), 0);
    add(f, FILE_COPY, "vars.fd")->source = source;
    struct prepared prepared CLEANUP_PREPARED = {0};
    expect_success(&prepared, f);
    struct stat st;
    assert_int_equal(stat(f->plan.files[0].path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
    char *copy CLEANUP_FREE = scratch_read(f->scratch, "vars.fd");
    assert_string_equal(copy, "template");
}

static void a_second_start_is_refused_and_touches_nothing(void **state)
{
    struct fixture *f = *state;
    add(f, FILE_TEMPORARY, "first")->keep = true;
    add(f, FILE_DISK_IMAGE, "disk.qcow2")->bytes = 1 << 20;
    struct prepared first = {0};
    expect_success(&first, f);
    free(f->plan.files[0].path);
    f->plan.files[0].path = scratch_path(f->scratch, "second");
    {
        struct prepared second CLEANUP_PREPARED = {0};
        struct error e CLEANUP_ERROR = {0};
        assert_int_equal(prepare(&second, &f->plan, NULL, &e), -EBUSY);
        assert_error_names(e, "disk.qcow2", "in use");
        assert_int_equal(e.status, STATUS_IO);
        assert_int_equal(scratch_count(f->scratch), 2);
    }
    prepared_free(&first);
    struct prepared third CLEANUP_PREPARED = {0};
    expect_success(&third, f);
}

/* A file that appears between the check and its turn is locked all the same: qemu-img, asked for
 * the first image, gives the second file the name that another start would have given it, and keeps
 * it. */
static void what_another_start_makes_meanwhile_is_its_own(void **state)
{
    static const enum file_kind made[] = {FILE_DISK_IMAGE, FILE_DISK_OVERLAY, FILE_COPY,
                                          FILE_BOOT_DISK, FILE_TEMPORARY};
    struct fixture *f = *state;
    scratch_write(f->scratch, "qemu-img",
                  "#!/bin/sh\ncd \"${0%/*}\" && mv hidden shown && exec qemu-img \"$@\"\n");
    f->plan.qemu_img = scratch_path(f->scratch, "qemu-img");
    assert_int_equal(chmod(f->plan.qemu_img, 0755), 0);
    add(f, FILE_DISK_IMAGE, "first.qcow2")->bytes = 1 << 20;
    struct plan_file *second = add(f, FILE_DISK_IMAGE, "shown");
    second->bytes = 1 << 20;
    second->source = xstrdup(f->plan.qemu_img);
    second->keep = true;
    char *first CLEANUP_FREE = scratch_path(f->scratch, "first.qcow2");
    char *hidden CLEANUP_FREE = scratch_path(f->scratch, "hidden");
    for (size_t i = 0; i < ELEMENTS(made); i++) {
        second = &f->plan.files[1];
        second->kind = made[i];
        if (made[i] == FILE_TEMPORARY)
            assert_int_equal(mkdir(hidden, 0700), 0);
        else
            scratch_write(f->scratch, "hidden", "");
        int other CLEANUP_CLOSE = open(hidden, O_RDONLY | O_CLOEXEC);
        assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
        struct prepared prepared CLEANUP_PREPARED = {0};
        struct error e CLEANUP_ERROR = {0};
        assert_int_equal(prepare(&prepared, &f->plan, NULL, &e), -EBUSY);
        assert_error_names(e, "shown", "in use");
        (void)unlink(first);
        assert_int_equal(remove(second->path), 0);
    }
}

static void a_temporary_directory_that_exists_is_not_taken(void **state)
{
    struct fixture *f = *state;
    add(f, FILE_DIRECTORY, "there/inside");
    add(f, FILE_TEMPORARY, "there");
    {
        struct prepared prepared CLEANUP_PREPARED = {0};
        struct error e CLEANUP_ERROR = {0};
        assert_int_equal(prepare(&prepared, &f->plan, NULL, &e), -EEXIST);
        assert_error_names(e, "there");
    }
    assert_int_equal(access(f->plan.files[0].path, F_OK), 0);
}

static void a_tool_that_fails_gives_its_status_and_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    scratch_write(f->scratch, "qemu-img", "#!/bin/sh\ntouch \"$4\"\necho broken >&2\nexit 4\n");
    f->plan.qemu_img = scratch_path(f->scratch, "qemu-img");
    assert_int_equal(chmod(f->plan.qemu_img, 0755), 0);
    add(f, FILE_TEMPORARY, "temporary");
    add(f, FILE_DISK_IMAGE, "disk.qcow2")->bytes = 1 << 20;
    {
        struct prepared prepared CLEANUP_PREPARED = {0};
        struct error e CLEANUP_ERROR = {0};
        assert_true(prepare(&prepared, &f->plan, NULL, &e) < 0);
        assert_int_equal(e.status, 4);
        assert_error_names(e, "disk.qcow2", "qemu-img", "exit status 4");
    }
    assert_int_equal(scratch_count(f->scratch), 1);
}

static void a_place_that_was_taken_meanwhile_is_respected(void **state)
{
    struct fixture *f = *state;
    scratch_write(f->scratch, "new", "new");
    scratch_write(f->scratch, "there", "precious");
    char *new CLEANUP_FREE = scratch_path(f->scratch, "new");
    char *there CLEANUP_FREE = scratch_path(f->scratch, "there");
    assert_int_equal(atomicfile_commit(new, there, false, NULL), -EEXIST);
    char *kept CLEANUP_FREE = scratch_read(f->scratch, "there");
    assert_string_equal(kept, "precious");
    assert_int_equal(atomicfile_commit(new, there, true, NULL), 0);
    char *replaced CLEANUP_FREE = scratch_read(f->scratch, "there");
    assert_string_equal(replaced, "new");
}

static void a_link_replaces_what_was_there(void **state)
{
    struct fixture *f = *state;
    char *link CLEANUP_FREE = scratch_path(f->scratch, "link");
    assert_int_equal(atomicfile_link("/one", link, NULL), 0);
    assert_int_equal(atomicfile_link("/two", link, NULL), 0);
    char target[16] = {0};
    assert_int_equal(readlink(link, target, sizeof target - 1), 4);
    assert_string_equal(target, "/two");
    assert_int_equal(scratch_count(f->scratch), 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_are_made_in_order),
        TEST(what_exists_is_left_as_it_is),
        TEST(what_is_to_be_replaced_is),
        TEST(a_copy_has_its_mode),
        TEST(a_second_start_is_refused_and_touches_nothing),
        TEST(what_another_start_makes_meanwhile_is_its_own),
        TEST(a_temporary_directory_that_exists_is_not_taken),
        TEST(a_tool_that_fails_gives_its_status_and_leaves_nothing),
        TEST(a_place_that_was_taken_meanwhile_is_respected),
        TEST(a_link_replaces_what_was_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
