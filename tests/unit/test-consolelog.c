/* SPDX-License-Identifier: MIT */
#include "host/run/consolelog.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

/* Returns the bytes that the file takes after a look at the log `opened`. */
static long long look(const char *opened, const char *file)
{
    struct stat s;
    struct consolelog log = consolelog_open(opened);
    log.next = 0;
    consolelog_attend(&log);
    consolelog_close(&log);
    assert_int_equal(stat(file, &s), 0);
    return s.st_blocks * 512LL;
}

static void a_log_is_cut_and_nothing_behind_a_link(void **state)
{
    (void)state;
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *file CLEANUP_FREE = scratch_path(scratch, "console.log");
    char *link CLEANUP_FREE = scratch_path(scratch, "link");
    static char bytes[CONSOLELOG_MOST + (1 << 20)];
    FILE *f CLEANUP_FCLOSE = fopen(file, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, sizeof bytes, f), sizeof bytes);
    assert_int_equal(fflush(f), 0);
    assert_int_equal(symlink(file, link), 0);
    assert_true(look(link, file) > CONSOLELOG_MOST);
    assert_true(look(NULL, file) > CONSOLELOG_MOST);
    assert_true(look(scratch, file) > CONSOLELOG_MOST);
    assert_true(look(file, file) < CONSOLELOG_MOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_is_cut_and_nothing_behind_a_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
