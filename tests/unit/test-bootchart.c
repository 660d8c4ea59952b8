/* SPDX-License-Identifier: MIT */
/* Tests how the host's steps and the guest's marks become one line of time. */
#include "host/run/bootchart.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "host/run/chartfile.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

/* run-vm begins at 1,000,000 on the host's clock, QEMU at 1,200,000. */
#define ORIGIN 1000000
static const struct timeline_span spans[] = {
    {.name = (char *)"plan", .begin = 1000100, .end = 1000400, .depth = 0},
    {.name = (char *)"preparation", .begin = 1000400, .end = 1100000, .depth = 0},
    {.name = (char *)"initrd", .note = "made", .begin = 1000500, .end = 1090000, .depth = 1},
    {.name = (char *)TIMELINE_QEMU, .begin = 1200000, .depth = 0},
};

#define MARK(kind, guest, host, text)                                                              \
    {                                                                                              \
        BOOTMARK_##kind, guest, host, (char *)(text)                                               \
    }

static const struct chart_bar *find(const struct chart *chart, enum chart_group group,
                                    const char *name)
{
    for (size_t i = 0; i < chart->count; i++)
        if (chart->bars[i].group == group && strstr(chart->bars[i].name, name))
            return &chart->bars[i];
    fail_msg("no bar %s", name);
    return NULL;
}

static void assert_bar(const struct chart *chart, enum chart_group group, const char *name,
                       int64_t begin, int64_t end)
{
    const struct chart_bar *bar = find(chart, group, name);
    assert_int_equal(bar->begin, begin);
    assert_int_equal(bar->end, end);
}

/* The kernel's clock began at 1,900,000: the second mark arrived fastest. The counter runs at 1,000
 * a microsecond, so that the machine began 600,000 before. */
static void the_clocks_of_host_and_guest_are_aligned(void **state)
{
    (void)state;
    struct bootchart_mark marks[] = {
        MARK(CLOCK, 500000, 2405000, "1100000000"),  MARK(STEP, 500010, 2400010, "consoles"),
        MARK(STEP, 600000, 2500500, "devices"),      MARK(PART, 600100, 2500600, "wait LABEL=a"),
        MARK(PART, 650000, 2550600, "wait LABEL=a"), MARK(PART, 690000, 2590600, ""),
        MARK(STEP, 700000, 2600500, "stage 2"),      MARK(CLOCK, 800000, 2700500, "1400000000"),
        MARK(STARTED, 800005, 2700500, ""),
    };
    const struct bootchart collected = {
        .name = "a", .guest_marks = true, .marks = marks, .count = ELEMENTS(marks)};
    struct chart chart CLEANUP_CHART = {0};
    bootchart_build(&chart, &collected, spans, ELEMENTS(spans), ORIGIN, 9000000, NULL);
    assert_int_equal(chart.kernel_clock, 900000);
    assert_int_equal(chart.total, 1700005);
    assert_bar(&chart, CHART_HOST, "initrd", 500, 90000);
    assert_int_equal(find(&chart, CHART_HOST, "initrd")->parent, 1);
    assert_bar(&chart, CHART_QEMU, "start of QEMU", 200000, 300000);
    assert_bar(&chart, CHART_FIRMWARE, "firmware", 300000, 900000);
    assert_bar(&chart, CHART_KERNEL, "kernel", 900000, 1400000);
    assert_bar(&chart, CHART_INIT, "consoles", 1400010, 1500000);
    assert_bar(&chart, CHART_INIT, "wait LABEL=a", 1500100, 1590000);
    assert_bar(&chart, CHART_INIT, "stage 2", 1600000, 1700005);
    assert_null(chart.reason);
}

/* The guest's clock is twice as fast as the host's, whose counter runs at 1,000 a microsecond: the
 * machine began at 1,300,000, the kernel's clock 600,000 later. */
static void the_counter_corrects_a_clock_that_is_wrong(void **state)
{
    (void)state;
    struct bootchart_mark marks[] = {
        MARK(CLOCK, 1000000, 2400000, "1100000000"),
        MARK(STEP, 1000000, 2400000, "consoles"),
        MARK(CLOCK, 1600000, 2700000, "1400000000"),
        MARK(STARTED, 1600000, 2700000, ""),
    };
    const struct bootchart collected = {.name = "a",
                                        .guest_marks = true,
                                        .host_rate = 1000,
                                        .marks = marks,
                                        .count = ELEMENTS(marks)};
    struct chart chart CLEANUP_CHART = {0};
    bootchart_build(&chart, &collected, spans, ELEMENTS(spans), ORIGIN, 9000000, NULL);
    assert_bar(&chart, CHART_QEMU, "start of QEMU", 200000, 300000);
    assert_bar(&chart, CHART_FIRMWARE, "firmware", 300000, 900000);
    assert_bar(&chart, CHART_KERNEL, "kernel", 900000, 1400000);
    assert_bar(&chart, CHART_INIT, "consoles", 1400000, 1700000);
}

static void a_failed_boot_ends_in_the_step_that_failed(void **state)
{
    (void)state;
    struct bootchart_mark marks[] = {
        MARK(STEP, 500000, 2400000, "mounts"),
        MARK(PART, 500100, 2400100, "mount /"),
        MARK(FAILED, -1, 2600000, "no disk"),
    };
    const struct bootchart collected = {
        .name = "a", .guest_marks = true, .marks = marks, .count = ELEMENTS(marks)};
    struct chart chart CLEANUP_CHART = {0};
    bootchart_build(&chart, &collected, spans, ELEMENTS(spans), ORIGIN, 2600000, "no disk");
    assert_int_equal(chart.total, 1600000);
    assert_string_equal(chart.reason, "no disk");
    assert_bar(&chart, CHART_QEMU, "QEMU and firmware", 200000, 900000);
    assert_bar(&chart, CHART_INIT, "mount /", 1400100, 1600000);
}

static void without_marks_there_are_the_host_and_qemu(void **state)
{
    (void)state;
    const struct bootchart collected = {.name = "a"};
    struct chart chart CLEANUP_CHART = {0};
    bootchart_build(&chart, &collected, spans, ELEMENTS(spans), ORIGIN, 1500000, NULL);
    assert_int_equal(chart.count, 4);
    assert_int_equal(chart.kernel_clock, -1);
    assert_bar(&chart, CHART_QEMU, "QEMU", 200000, 500000);
}

/* Marks that no init sends: times before QEMU, counters that stand still, parts without a step. */
static void hostile_marks_make_a_chart(void **state)
{
    (void)state;
    struct bootchart_mark marks[] = {
        MARK(PART, 0, 10, "module a"),
        MARK(CLOCK, 5, 20, "x"),
        MARK(CLOCK, 5, 20, ""),
        MARK(INITCALL, INT64_MAX / 4, 30, "999999999999999999999 a"),
        MARK(INITCALL, 3, 30, ""),
        MARK(INITCALL, 3, 30, "inf a"),
        MARK(INITCALL, 4, 30, "1e300 a"),
        MARK(INITCALL, 4, 30, "nan a"),
        MARK(CLOCK, 6, 30, "-inf"),
        MARK(CLOCK, 900, 30, "1e300"),
        MARK(STARTED, -1, 40, ""),
    };
    const struct bootchart collected = {
        .name = "a", .guest_marks = true, .marks = marks, .count = ELEMENTS(marks)};
    struct chart chart CLEANUP_CHART = {0};
    bootchart_build(&chart, &collected, spans, ELEMENTS(spans), ORIGIN, 1500000, NULL);
    for (size_t i = 0; i < chart.count; i++) {
        assert_true(chart.bars[i].begin <= chart.bars[i].end);
        assert_in_range(chart.bars[i].end, 0, chart.total);
    }
}

/* A counter that hardly moves would have begun before all time. */
static void a_counter_that_stands_says_nothing_of_the_machine(void **state)
{
    (void)state;
    struct bootchart_mark marks[] = {MARK(CLOCK, 5, 1400000, "99999999999999000"),
                                     MARK(CLOCK, 100000, 1400000, "99999999999999999")};
    const struct bootchart collected = {
        .name = "a", .guest_marks = true, .marks = marks, .count = ELEMENTS(marks)};
    struct chart chart CLEANUP_CHART = {0};
    bootchart_build(&chart, &collected, spans, ELEMENTS(spans), ORIGIN, 1500000, NULL);
    (void)find(&chart, CHART_QEMU, "QEMU and firmware");
}

static void files_are_told_by_their_names(void **state)
{
    (void)state;
    struct error e CLEANUP_ERROR = {0};
    assert_int_equal(bootchart_check("/tmp/b.svg", &e), 0);
    assert_int_equal(bootchart_check("b.json", &e), 0);
    assert_true(bootchart_check("a.svg/b", &e) < 0);
    assert_error_names(e, "a.svg/b", ".svg", ".json");
    struct error nowhere CLEANUP_ERROR = {0};
    assert_true(bootchart_check("/nonexistent/b.svg", &nowhere) < 0);
    assert_error_names(nowhere, "/nonexistent/b.svg", "directory");
}

/* A file that is neither empty nor a chart is never replaced, whoever named it. */
static void only_a_chart_is_replaced(void **state)
{
    (void)state;
    static const char *const names[] = {"package.json", "package.svg"};
    const struct chart chart = {.name = (char *)"a", .total = 5, .kernel_clock = -1};
    for (size_t i = 0; i < ELEMENTS(names); i++) {
        char *directory CLEANUP(scratch_free) = scratch_new();
        char *picture CLEANUP_FREE = scratch_path(directory, "package.svg");
        char *data CLEANUP_FREE = scratch_path(directory, "package.json");
        char *file = i ? picture : data;
        struct error e CLEANUP_ERROR = {0};

        scratch_write(directory, names[i], "<svg>{\"name\": \"mine\"}");
        assert_int_equal(bootchart_check(picture, &e), -EEXIST);
        assert_error_names(e, "--boot-chart", file);
        error_free(&e);
        assert_int_equal(bootchart_check(data, NULL), i ? 0 : -EEXIST);
        assert_int_equal(chartfile_write(&chart, file, NULL), -EEXIST);
        char *kept CLEANUP_FREE = file_read(file, 100, NULL, NULL);
        assert_string_equal(kept, "<svg>{\"name\": \"mine\"}");
        assert_int_equal(access(i ? data : picture, F_OK), -1);

        assert_int_equal(truncate(file, 0), 0);
        assert_int_equal(chartfile_write(&chart, picture, NULL), 0);
        /* now both are charts */
        assert_int_equal(bootchart_check(picture, NULL), 0);
        assert_int_equal(chartfile_write(&chart, picture, NULL), 0);
        assert_int_equal(chartfile_draw(&chart, picture, NULL), 0);
    }
}

/* A FIFO would make a reader wait, and a rename would remove it. */
static void a_special_file_is_not_replaced(void **state)
{
    (void)state;
    char *directory CLEANUP(scratch_free) = scratch_new();
    char *picture CLEANUP_FREE = scratch_path(directory, "a.svg");
    assert_int_equal(mkfifo(picture, 0600), 0);
    assert_int_equal(bootchart_check(picture, NULL), -EEXIST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_clocks_of_host_and_guest_are_aligned),
        cmocka_unit_test(the_counter_corrects_a_clock_that_is_wrong),
        cmocka_unit_test(a_failed_boot_ends_in_the_step_that_failed),
        cmocka_unit_test(without_marks_there_are_the_host_and_qemu),
        cmocka_unit_test(hostile_marks_make_a_chart),
        cmocka_unit_test(a_counter_that_stands_says_nothing_of_the_machine),
        cmocka_unit_test(files_are_told_by_their_names),
        cmocka_unit_test(only_a_chart_is_replaced),
        cmocka_unit_test(a_special_file_is_not_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
