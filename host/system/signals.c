/* SPDX-License-Identifier: MIT */
#include "host/system/signals.h"

#include <errno.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

static sigset_t mask_before;
static void (*pipe_before)(int) = SIG_DFL;
static void (*size_before)(int) = SIG_ERR; /* run-vm does not ignore SIGXFSZ */
static bool blocked;
static int taken; /* the last one; 0: none yet */
static int descriptor = -1;

/* Signals within this time after a request, in milliseconds, repeat it. */
#define REPEAT_TIME 200

/* Signals that a terminal, or a signal to the process group, delivers to QEMU as well. */
static const int shared[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

/* Signals to run-vm alone, whose default action kills it. */
static const int own[] = {SIGALRM, SIGUSR1, SIGUSR2, SIGXCPU};

static void add_shared(sigset_t *mask)
{
    for (size_t i = 0; i < ELEMENTS(shared); i++)
        (void)sigaddset(mask, shared[i]);
}

static void add_endings(sigset_t *mask)
{
    add_shared(mask);
    for (size_t i = 0; i < ELEMENTS(own); i++)
        (void)sigaddset(mask, own[i]);
}

static bool is_ignored(int number)
{
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

void signals_block(void)
{
    if (blocked)
        return;
    (void)signal(SIGCHLD, SIG_DFL); /* if it is ignored, the exit status of a child is dropped */
    pipe_before =
        signal(SIGPIPE, SIG_IGN); /* a reader of messages that exits must not end the guest */
    sigset_t endings;
    (void)sigemptyset(&endings);
    add_endings(&endings);
    (void)sigprocmask(SIG_BLOCK, &endings, &mask_before);
    blocked = true;
}

void signals_report_size_limit(void)
{
    size_before = signal(SIGXFSZ, SIG_IGN);
}

void signals_restore_in_child(void)
{
    if (size_before != SIG_ERR)
        (void)signal(SIGXFSZ, size_before);
    if (blocked)
        (void)signal(SIGPIPE, pipe_before);
}

int signals_fd(void)
{
    if (descriptor < 0) {
        sigset_t endings;
        (void)sigemptyset(&endings);
        add_endings(&endings);
        if (is_ignored(SIGHUP)) /* nohup(1) */
            (void)sigdelset(&endings, SIGHUP);
        descriptor = signalfd(-1, &endings, SFD_CLOEXEC | SFD_NONBLOCK);
    }
    return descriptor;
}

int signals_take(void)
{
    struct signalfd_siginfo info;
    if (signals_fd() < 0 || read(descriptor, &info, sizeof info) != sizeof info)
        return 0;
    taken = (int)info.ssi_signo;
    return taken;
}

int signals_take_request(int64_t *last)
{
    int number = signals_take();
    int64_t now = clock_milliseconds();
    if (!number || (*last && now - *last < REPEAT_TIME))
        return 0;
    while (signals_take())
        ;
    *last = now;
    return number;
}

bool signals_taken(void)
{
    return taken != 0;
}

int signals_check(struct error *e)
{
    if (!taken && !signals_take())
        return 0;
    (void)error_set(e, -ECANCELED, "ended by signal %d (%s)", taken, strsignal(taken));
    return error_status(e, -ECANCELED, 128 + taken);
}

void signals_original_mask(sigset_t *mask)
{
    if (blocked)
        *mask = mask_before;
    else
        (void)sigprocmask(SIG_BLOCK, NULL, mask);
}

void signals_blocked_mask(sigset_t *mask)
{
    signals_original_mask(mask);
    add_shared(mask);
}
