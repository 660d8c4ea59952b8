/* SPDX-License-Identifier: MIT */
#include "init/signals.h"

#include <signal.h>
#include <stddef.h>

void signals_reset(void)
{
    sigset_t none;
    (void)sigemptyset(&none);
    for (int number = 1; number < NSIG; number++)
        (void)signal(number, SIG_DFL);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}
