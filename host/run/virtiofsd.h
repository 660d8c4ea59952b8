/* SPDX-License-Identifier: MIT */
/* Runs the servers of shares on virtiofs: one virtiofsd for each, from before QEMU's start until
 * after its exit. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "host/plan/plan.h"

struct virtiofsd {
    pid_t pid;  /* 0: it has exited, and that was reported */
    int end;    /* its pidfd; -1: the kernel has none */
    char *name; /* for messages, with the directory */
    char *log;  /* the file with its output */
};

struct virtiofsd_list {
    struct virtiofsd *items;
    size_t count;
    int ended; /* an epoll descriptor, readable once one has exited; -1: there is none */
};

/* struct virtiofsd_list servers CLEANUP_VIRTIOFSD = {.ended = -1}; */
#define CLEANUP_VIRTIOFSD CLEANUP(virtiofsd_stop)

/* Starts plan.servers, each on a socket that already listens, so that QEMU can connect at once. The
 * server of a read-only share cannot write to it either: it runs in a mount namespace of its own,
 * and for an ordinary user in a user namespace as well. Returns 0, or a negative errno with the
 * reason. */
int virtiofsd_start(struct virtiofsd_list *servers, const struct plan *plan, struct error *e);

/* Logs which servers have exited, successfully or not. */
void virtiofsd_report(struct virtiofsd_list *servers);

/* Ends the servers, which exit after QEMU, and kills those that do not. Logs those that failed. */
void virtiofsd_stop(struct virtiofsd_list *servers);
