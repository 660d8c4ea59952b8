/* SPDX-License-Identifier: MIT */
#include "host/commands/warm.h"

#include <errno.h>

#include "base/log.h"
#include "host/prepare/snapshot.h"
#include "host/run/freeze.h"
#include "host/system/signals.h"

static void tell_cold(const char *reason)
{
    log_info("cold start: %s", reason);
}

/* Finds the snapshot or makes it. Returns -EAGAIN, after saying why, if the machine must boot. */
static int get_snapshot(struct snapshot *snapshot, const struct plan *plan,
                        const struct supervise_limits *limits, struct error *e)
{
    struct error problem CLEANUP_ERROR = {0};
    int r = snapshot_get(snapshot, plan, freeze_machine, limits, &problem);
    if (signals_check(e) < 0) /* perhaps when the machine was saved already */
        return -ECANCELED;
    if (r == -ETIMEDOUT) {
        (void)error_set(e, r, "%s", problem.message);
        return error_status(e, r, problem.status);
    }
    if (r < 0)
        tell_cold(problem.message);
    return r < 0 ? -EAGAIN : 0;
}

/* Runs the machine from a snapshot. Returns -EAGAIN, after saying why, if it must boot. */
static int run_snapshot(const struct plan *plan, const struct supervise_limits *limits,
                        struct helper_list *helpers, const struct session_streams *streams,
                        struct error *e)
{
    struct snapshot snapshot CLEANUP_SNAPSHOT = {.state = -1, .lock = -1};
    int r = get_snapshot(&snapshot, plan, limits, e);
    if (r < 0)
        return r;
    r = exec_run(plan, &snapshot, limits, helpers, streams, e);
    if (r != -ESTALE && r != -EAGAIN)
        return r;
    if (r == -ESTALE) {
        (void)error_context(e, r, "the snapshot is dropped");
        snapshot_drop(&snapshot);
    }
    tell_cold(e->message);
    error_free(e);
    return -EAGAIN;
}

int warm_run(const struct plan *plan, const struct supervise_limits *limits,
             struct helper_list *helpers, const struct session_streams *streams, struct error *e)
{
    int r = plan->warm ? run_snapshot(plan, limits, helpers, streams, e) : -EAGAIN;
    if (plan->warm_obstacle)
        tell_cold(plan->warm_obstacle);
    return r == -EAGAIN ? exec_run(plan, NULL, limits, helpers, streams, e) : r;
}
