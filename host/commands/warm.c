/* SPDX-License-Identifier: MIT */
#include "host/commands/warm.h"

#include <errno.h>

#include "base/log.h"
#include "host/prepare/snapshot.h"
#include "host/run/freeze.h"

static void tell_cold(const char *reason)
{
    log_info("cold start: %s", reason);
}

/* Runs the machine from a snapshot. Returns -ESTALE, after saying why, if it must boot. */
static int run_snapshot(const struct plan *plan, const struct supervise_limits *limits,
                        struct helper_list *helpers, const struct session_streams *streams,
                        struct error *e)
{
    struct error problem CLEANUP_ERROR = {0};
    struct snapshot snapshot CLEANUP_SNAPSHOT = {.state = -1, .lock = -1};
    int r = snapshot_get(&snapshot, plan, freeze_machine, &problem);
    if (r == -ECANCELED && problem.status) {
        (void)error_set(e, r, "%s", problem.message);
        return error_status(e, r, problem.status);
    }
    if (r < 0) {
        tell_cold(problem.message);
        return -ESTALE;
    }
    r = exec_run(plan, &snapshot, limits, helpers, streams, e);
    if (r == -ESTALE) {
        (void)error_context(e, r, "the snapshot is dropped");
        tell_cold(e->message);
        error_free(e);
        snapshot_drop(&snapshot);
    }
    return r;
}

int warm_run(const struct plan *plan, const struct supervise_limits *limits,
             struct helper_list *helpers, const struct session_streams *streams, struct error *e)
{
    int r = plan->warm ? run_snapshot(plan, limits, helpers, streams, e) : -ESTALE;
    if (plan->warm_obstacle)
        tell_cold(plan->warm_obstacle);
    return r == -ESTALE ? exec_run(plan, NULL, limits, helpers, streams, e) : r;
}
