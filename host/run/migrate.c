/* SPDX-License-Identifier: MIT */
#include "host/run/migrate.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"

/* Time for an answer of QEMU's, in milliseconds. It gives none while it loads. */
#define ANSWER_TIME 30000

/* Pause between two looks at what QEMU does, in milliseconds. */
#define PAUSE 5

/* The name of the file with the state for QEMU. */
#define STATE "run-vm-state"

/* A command that begins, and a query of what it leads to. */
struct migrate_direction {
    const char *command;
    const char *query;
    const char *done;   /* the query's status at the end */
    const char *failed; /* … and after a failure, unless QEMU exits */
    int code;           /* the failure's errno */
    const char *reason; /* NULL: the query has it */
};

/* Leaves the memory out of the state. */
static int ignore_memory(struct qmp *qmp, struct error *e)
{
    json_t *arguments = json_pack("{s:[{s:s, s:b}]}", "capabilities", "capability",
                                  "x-ignore-shared", "state", true);
    return qmp_ask(qmp, "migrate-set-capabilities", arguments, NULL, ANSWER_TIME, e);
}

static int begin(struct migrate *m, int state, struct error *e)
{
    int r = ignore_memory(m->monitor, e);
    if (r == 0)
        r = qmp_pass(m->monitor, STATE, state, ANSWER_TIME, e);
    if (r == 0)
        r = qmp_ask(m->monitor, m->direction->command, json_pack("{s:s}", "uri", "fd:" STATE), NULL,
                    ANSWER_TIME, e);
    if (r < 0)
        return error_context(e, r, "QEMU's monitor");
    m->ticks = clock_timer(PAUSE, true);
    return m->ticks < 0 ? error_errno(e, errno, "a timer") : 0;
}

int migrate_save(struct migrate *m, struct qmp *monitor, int state, struct error *e)
{
    static const struct migrate_direction save = {
        "migrate", "query-migrate", "completed", "failed", -EIO, NULL};
    *m = (struct migrate){.monitor = monitor, .direction = &save, .ticks = -1};
    return begin(m, state, e);
}

int migrate_load(struct migrate *m, struct qmp *monitor, int state, struct error *e)
{
    /* QEMU opens the disks for writing after it has loaded the state */
    static const struct migrate_direction load = {
        "migrate-incoming", "query-status", "running",
        "paused",           -EBUSY,         "QEMU cannot open a disk for writing"};
    *m = (struct migrate){.monitor = monitor, .direction = &load, .ticks = -1};
    return begin(m, state, e);
}

int migrate_look(struct migrate *m, struct error *e)
{
    const struct migrate_direction *direction = m->direction;
    json_t *answer = NULL;
    clock_take_ticks(m->ticks);
    int r = qmp_ask(m->monitor, direction->query, NULL, &answer, ANSWER_TIME, e);
    const char *status = json_string_value(json_object_get(answer, "status"));
    const char *why = direction->reason;
    if (!why)
        why = json_string_value(json_object_get(answer, "error-desc"));
    if (r == 0 && status && streq(status, direction->failed))
        r = error_set(e, direction->code, "%s: %s", direction->command, why ? why : status);
    else if (r == 0)
        r = status && streq(status, direction->done);
    json_decref(answer);
    if (r != 0)
        migrate_close(m);
    return r < 0 ? error_context(e, r, "QEMU's monitor") : r;
}

void migrate_close(struct migrate *m)
{
    cleanup_close(&m->ticks);
}
