/* SPDX-License-Identifier: MIT */
#include "host/run/migrate.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/text.h"
#include "host/run/qmp.h"

/* Time for an answer of QEMU's, and for a whole state, in milliseconds. */
#define ANSWER_TIME 30000
#define STATE_TIME  60000

/* Pause between two looks at what QEMU does, in milliseconds. */
#define PAUSE 1

/* The name of the file with the state for QEMU. */
#define STATE "run-vm-state"

/* A command that begins, and a query of what it leads to. */
struct direction {
    const char *command;
    const char *query;
    const char *done;   /* the query's status at the end */
    const char *failed; /* … and after a failure, unless QEMU exits; NULL */
};

/* Leaves the memory out of the state. */
static int ignore_memory(struct qmp *qmp, struct error *e)
{
    json_t *arguments = json_pack("{s:[{s:s, s:b}]}", "capabilities", "capability",
                                  "x-ignore-shared", "state", true);
    return qmp_ask(qmp, "migrate-set-capabilities", arguments, NULL, ANSWER_TIME, e);
}

/* Returns 1 at the end, 0 before that, or a negative errno. */
static int look(struct qmp *qmp, const struct direction *direction, struct error *e)
{
    json_t *answer = NULL;
    int r = qmp_ask(qmp, direction->query, NULL, &answer, ANSWER_TIME, e);
    const char *status = json_string_value(json_object_get(answer, "status"));
    const char *why = json_string_value(json_object_get(answer, "error-desc"));
    if (r == 0 && status && direction->failed && streq(status, direction->failed))
        r = error_set(e, -EIO, "%s: %s", direction->command, why ? why : status);
    else if (r == 0)
        r = status && streq(status, direction->done);
    json_decref(answer);
    return r;
}

static int run(struct qmp *qmp, const struct direction *direction, int state, struct error *e)
{
    int64_t deadline = clock_milliseconds() + STATE_TIME;
    int r = ignore_memory(qmp, e);
    if (r == 0)
        r = qmp_pass(qmp, STATE, state, ANSWER_TIME, e);
    if (r == 0)
        r = qmp_ask(qmp, direction->command, json_pack("{s:s}", "uri", "fd:" STATE), NULL,
                    ANSWER_TIME, e);
    while (r == 0) {
        r = look(qmp, direction, e);
        if (r == 0 && clock_milliseconds() >= deadline)
            r = error_set(e, -ETIMEDOUT, "%s takes too long", direction->command);
        else if (r == 0)
            (void)poll(NULL, 0, PAUSE);
    }
    return r < 0 ? r : 0;
}

static int transfer(const char *monitor, const struct direction *direction, int state,
                    struct error *e)
{
    struct qmp *qmp CLEANUP_QMP = NULL;
    int r = qmp_connect(&qmp, monitor, e);
    if (r == 0)
        r = run(qmp, direction, state, e);
    return r < 0 ? error_context(e, r, "QEMU's monitor") : 0;
}

int migrate_save(const char *monitor, int state, struct error *e)
{
    static const struct direction save = {"migrate", "query-migrate", "completed", "failed"};
    return transfer(monitor, &save, state, e);
}

int migrate_load(const char *monitor, int state, struct error *e)
{
    static const struct direction load = {"migrate-incoming", "query-status", "running", NULL};
    return transfer(monitor, &load, state, e);
}
