/* SPDX-License-Identifier: MIT */
#include "init/exec/exec.h"

#include <signal.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "init/exec/execport.h"
#include "init/exec/session.h"

/* Kills all processes if this is PID 1; in a test that would be the machine's. */
static void kill_all(int number)
{
    if (getpid() == 1)
        (void)kill(-1, number);
}

int exec_serve(const struct exec_options *options, struct error *e)
{
    const struct session_options session = {
        .system = options->system, .console = -1, .kill_all = kill_all};
    int signals CLEANUP_CLOSE = session_open_signals(e);
    int port CLEANUP_CLOSE = signals < 0 ? -1 : execport_open(options->timeout, e);
    if (port < 0)
        return signals < 0 ? signals : port;
    session_serve(port, signals, &session);
    kill_all(SIGKILL);
    return 0;
}
