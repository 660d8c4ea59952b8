/* SPDX-License-Identifier: MIT */
/* Tests the path through a chart, and the rows and labels of its picture. */
#include "host/run/chart.h"

#include <string.h>

#include "base/alloc.h"
#include "host/run/chartlayout.h"
#include "host/run/chartsvg.h"
#include "tests/unit/unit.h"

static size_t add(struct chart *chart, size_t parent, int64_t begin, int64_t end, const char *name)
{
    return chart_add(chart, CHART_INIT, parent, begin, end, xstrdup(name), NULL);
}

static void the_path_goes_through_the_bars_that_the_end_waited_for(void **state)
{
    (void)state;
    struct chart chart CLEANUP_CHART = {.total = 100};
    size_t first = add(&chart, CHART_NO_PARENT, 0, 40, "first");
    size_t beside = add(&chart, CHART_NO_PARENT, 10, 30, "beside");
    size_t last = add(&chart, CHART_NO_PARENT, 45, 100, "last");
    chart_find_path(&chart);
    assert_int_equal(chart.bars[first].waited, 40);
    assert_int_equal(chart.bars[beside].waited, 0);
    assert_false(chart.bars[beside].critical);
    assert_int_equal(chart.bars[last].waited, 55);
}

static void a_bar_is_waited_for_besides_its_parts(void **state)
{
    (void)state;
    struct chart chart CLEANUP_CHART = {.total = 100};
    size_t outer = add(&chart, CHART_NO_PARENT, 0, 100, "outer");
    size_t part = add(&chart, outer, 10, 30, "part");
    size_t long_part = add(&chart, outer, 30, 90, "long part");
    size_t during = add(&chart, outer, 40, 80, "during the long part");
    chart_find_path(&chart);
    assert_int_equal(chart.bars[outer].waited, 20);
    assert_int_equal(chart.bars[part].waited, 20);
    assert_int_equal(chart.bars[long_part].waited, 60);
    assert_int_equal(chart.bars[during].waited, 0);
    assert_true(chart_has_parts(&chart, &chart.bars[outer]));
    assert_false(chart_has_parts(&chart, &chart.bars[part]));
}

static void a_chart_without_bars_or_with_empty_ones_has_an_end(void **state)
{
    (void)state;
    struct chart none CLEANUP_CHART = {.total = 100};
    chart_find_path(&none);
    struct chart empty CLEANUP_CHART = {.total = 100};
    add(&empty, CHART_NO_PARENT, 50, 50, "empty");
    add(&empty, CHART_NO_PARENT, 100, 90, "backwards");
    chart_find_path(&empty);
    assert_false(empty.bars[0].critical);
    assert_int_equal(chart_group_length(&empty, CHART_INIT), 50);
    assert_int_equal(chart_group_length(&empty, CHART_HOST), 0);
}

/* Each label is beside or inside its bar, and within the picture. */
static void assert_placed(const struct chartlayout_row *row)
{
    double width = chartlayout_text_width(row->label);
    double begin = row->side == CHARTLAYOUT_LEFT     ? row->x - 6 - width
                   : row->side == CHARTLAYOUT_INSIDE ? row->x + 6
                                                     : row->x + row->width + 6;
    assert_true(begin >= CHARTLAYOUT_LEFT_EDGE - 1);
    assert_true(begin + width <= CHARTLAYOUT_RIGHT_EDGE + 1);
    if (row->side == CHARTLAYOUT_INSIDE)
        assert_true(width <= row->width);
}

static void no_label_is_cut_off_wherever_its_bar_is(void **state)
{
    (void)state;
    char *name CLEANUP_FREE = xcalloc(200, 1);
    (void)memset(name, 'W', 160);
    for (int64_t begin = 0; begin < 100; begin += 7)
        for (int64_t end = begin; end <= 100; end += 9) {
            struct chart chart CLEANUP_CHART = {.total = 100};
            struct chartlayout layout;
            add(&chart, CHART_NO_PARENT, begin, end, "mount /nix/store");
            add(&chart, CHART_NO_PARENT, begin, end, name);
            chartlayout_arrange(&layout, &chart);
            assert_int_equal(layout.count, 2);
            for (size_t i = 0; i < layout.count; i++)
                assert_placed(&layout.rows[i]);
            assert_non_null(strstr(layout.rows[0].label, "mount /nix/store"));
            chartlayout_free(&layout);
        }
}

static void very_short_parts_have_no_row(void **state)
{
    (void)state;
    struct chart chart CLEANUP_CHART = {.total = 100000};
    struct chartlayout layout;
    size_t outer = add(&chart, CHART_NO_PARENT, 0, 100000, "outer");
    add(&chart, outer, 0, 50000, "long");
    add(&chart, outer, 50000, 50010, "short");
    add(&chart, CHART_NO_PARENT, 100000, 100000, "a step");
    chartlayout_arrange(&layout, &chart);
    assert_int_equal(layout.count, 3);
    assert_true(layout.rows[0].outer);
    assert_string_equal(layout.rows[2].label, "a step  0.0 ms");
    chartlayout_free(&layout);
}

static void durations_are_short(void **state)
{
    (void)state;
    static const struct {
        int64_t time;
        const char *text;
    } cases[] = {{0, "0.0 ms"},       {440, "0.4 ms"},         {9960, "10 ms"},
                 {31499, "31 ms"},    {999600, "1.00 s"},      {1214000, "1.21 s"},
                 {9996000, "10.0 s"}, {3600000000, "3600.0 s"}};
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        char *text CLEANUP_FREE = chartlayout_duration(cases[i].time);
        assert_string_equal(text, cases[i].text);
    }
}

static void names_are_text_in_the_picture(void **state)
{
    (void)state;
    char *picture = NULL;
    size_t size = 0;
    struct chart chart CLEANUP_CHART = {
        .name = xstrdup("<script>"), .reason = xstrdup("\"&\033[2J"), .total = 100};
    add(&chart, CHART_NO_PARENT, 0, 100, "<b> & \001c");
    FILE *out = open_memstream(&picture, &size);
    chartsvg_write(&chart, out);
    (void)fclose(out);
    assert_null(strstr(picture, "<script>"));
    assert_null(strstr(picture, "<b>"));
    assert_null(strchr(picture, '\033'));
    assert_null(strchr(picture, '\001'));
    assert_non_null(strstr(picture, "&lt;b&gt; &amp; c"));
    free(picture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_path_goes_through_the_bars_that_the_end_waited_for),
        cmocka_unit_test(a_bar_is_waited_for_besides_its_parts),
        cmocka_unit_test(a_chart_without_bars_or_with_empty_ones_has_an_end),
        cmocka_unit_test(no_label_is_cut_off_wherever_its_bar_is),
        cmocka_unit_test(very_short_parts_have_no_row),
        cmocka_unit_test(durations_are_short),
        cmocka_unit_test(names_are_text_in_the_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
