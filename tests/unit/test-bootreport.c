/* SPDX-License-Identifier: MIT */
/* Tests the host's end of the boot report: QEMU's end of the socket is this program's. */
#include "host/run/bootreport.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

struct pair {
    char *scratch;
    struct bootreport report;
    int guest;
};

static void open_pair(struct pair *pair)
{
    *pair = (struct pair){.scratch = scratch_new(), .guest = -1};
    char *path CLEANUP_FREE = scratch_path(pair->scratch, "report");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_int_equal(bootreport_open(&pair->report, path, NULL), 0);
    assert_true(strlen(path) < sizeof address.sun_path);
    (void)strcpy(address.sun_path, path);
    pair->guest = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(pair->guest, (struct sockaddr *)&address, sizeof address), 0);
}

static void say(struct pair *pair, const char *text, size_t length)
{
    while (length > 0) {
        size_t part = length < 4096 ? length : 4096;
        assert_int_equal(send(pair->guest, text, part, 0), part);
        text += part;
        length -= part;
        while (bootreport_attend(&pair->report))
            ;
    }
}

static void close_pair(struct pair *pair)
{
    (void)close(pair->guest);
    while (bootreport_attend(&pair->report))
        ;
    assert_int_equal(bootreport_fd(&pair->report), -1);
    bootreport_close(&pair->report);
    scratch_free(&pair->scratch);
}

#define SAY(pair, text) say((pair), (text), strlen(text))

static void the_last_boot_counts(void **state)
{
    (void)state;
    struct pair pair;
    open_pair(&pair);
    SAY(&pair, "failed the disk is not there\n");
    assert_true(pair.report.failed);
    assert_string_equal(pair.report.reason, "the disk is not there");
    SAY(&pair, "started \n");
    assert_false(pair.report.failed);
    SAY(&pair, "fai");
    SAY(&pair, "led another disk\nmark 17 later versions\n");
    assert_true(pair.report.failed);
    assert_string_equal(pair.report.reason, "another disk");
    close_pair(&pair);
}

static void what_has_no_end_is_not_believed(void **state)
{
    (void)state;
    struct pair pair;
    open_pair(&pair);
    SAY(&pair, "failed");
    SAY(&pair, "\n\nfailed-not by us\nstarted");
    assert_false(pair.report.failed);
    close_pair(&pair);
}

/* Escape sequences, zeros, and a line of a million bytes. */
static void a_hostile_guest_neither_fills_memory_nor_reaches_the_terminal(void **state)
{
    (void)state;
    struct pair pair;
    open_pair(&pair);
    static const char evil[] = "failed \033[2J\033]0;title\007it\0is\x9b"
                               "31m over\r\n";
    say(&pair, evil, sizeof evil - 1);
    assert_true(pair.report.failed);
    for (const char *c = pair.report.reason; *c; c++)
        assert_in_range(*c, ' ', '~');
    char *line CLEANUP_FREE = xcalloc(1000001, 1);
    (void)memset(line, 'x', 1000000);
    (void)memcpy(line, "failed ", 7);
    line[999999] = '\n';
    say(&pair, line, 1000000);
    assert_in_range(strlen(pair.report.reason), 900, REPORT_LINE);
    SAY(&pair, "started \n");
    assert_false(pair.report.failed);
    close_pair(&pair);
}

struct seen {
    struct bootmark last;
    char text[64];
    size_t count;
};

static void see(void *context, const struct bootmark *mark)
{
    struct seen *seen = context;
    seen->last = *mark;
    seen->count++;
    (void)strncpy(seen->text, mark->text, sizeof seen->text - 1);
}

static void assert_seen(const struct seen *seen, size_t count, enum bootmark_kind kind,
                        int64_t guest, const char *text)
{
    assert_int_equal(seen->count, count);
    assert_int_equal(seen->last.kind, kind);
    assert_int_equal(seen->last.guest, guest);
    assert_string_equal(seen->text, text);
}

/* Also a mark as an older init sends it, and one whose time is none. */
static void marks_reach_the_observers_with_their_time(void **state)
{
    (void)state;
    static struct seen seen; /* an observer stays */
    struct pair pair;
    open_pair(&pair);
    bootreport_observe(see, &seen);
    SAY(&pair, "step 1200345 API filesystems\n");
    assert_seen(&seen, 1, BOOTMARK_STEP, 1200345, "API filesystems");
    SAY(&pair, "part 1200346 mount /a\033[2J\n");
    assert_seen(&seen, 2, BOOTMARK_PART, 1200346, "mount /a");
    SAY(&pair, "part 1200347 \n");
    assert_seen(&seen, 3, BOOTMARK_PART, 1200347, "");
    SAY(&pair, "step soon\n");
    assert_seen(&seen, 4, BOOTMARK_STEP, -1, "soon");
    SAY(&pair, "failed 3 disks\n");
    assert_seen(&seen, 5, BOOTMARK_FAILED, -1, "3 disks");
    SAY(&pair, "started \n");
    assert_seen(&seen, 6, BOOTMARK_STARTED, -1, "");
    SAY(&pair, "unknown 5\n");
    assert_int_equal(seen.count, 6);
    close_pair(&pair);
}

static void a_plan_without_it_has_nothing_to_wait_for(void **state)
{
    (void)state;
    struct bootreport report;
    assert_int_equal(bootreport_open(&report, NULL, NULL), 0);
    assert_int_equal(bootreport_fd(&report), -1);
    assert_false(bootreport_attend(&report));
    bootreport_close(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_boot_counts),
        cmocka_unit_test(what_has_no_end_is_not_believed),
        cmocka_unit_test(a_hostile_guest_neither_fills_memory_nor_reaches_the_terminal),
        cmocka_unit_test(marks_reach_the_observers_with_their_time),
        cmocka_unit_test(a_plan_without_it_has_nothing_to_wait_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
