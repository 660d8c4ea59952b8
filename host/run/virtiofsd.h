/* SPDX-License-Identifier: MIT */
/* The programs behind shares on virtiofs: one virtiofsd for each, from before QEMU's start until
 * after its end. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "host/plan/plan.h"

struct virtiofsd {
    pid_t pid;  /* 0: it has ended, and that was said */
    int end;    /* its pidfd; -1: the kernel has none */
    char *name; /* for messages: with the directory */
    char *log;  /* the file with what it says */
};

struct virtiofsd_list {
    struct virtiofsd *items;
    size_t count;
    int ended; /* readable once one has ended; -1: nobody can tell */
};

/* struct virtiofsd_list servers CLEANUP_VIRTIOFSD = {.ended = -1}; their end stops them, and
 * says what became of one that failed by itself. */
#define CLEANUP_VIRTIOFSD CLEANUP(virtiofsd_stop)

/* Starts plan.servers, each on a socket that already listens, so that QEMU can connect at once. A
 * share that is read-only is so for its server: in a mount namespace of its own, as an ordinary
 * user in a user namespace too. 0, or a negative errno with the reason. */
int virtiofsd_start(struct virtiofsd_list *servers, const struct plan *plan, struct error *e);

/* Says which have ended, however they did. */
void virtiofsd_report(struct virtiofsd_list *servers);

void virtiofsd_stop(struct virtiofsd_list *servers);
