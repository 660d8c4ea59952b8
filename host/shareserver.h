/* SPDX-License-Identifier: MIT */
/* The programs behind shares on virtiofs: one virtiofsd for each, from before QEMU's start until
 * after its end. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "common/error.h"
#include "host/plan.h"

struct share_server {
    pid_t pid;
    char *log; /* the file with what it says */
};

struct share_servers {
    struct share_server *items;
    size_t count;
};

/* struct share_servers servers CLEANUP_SHARE_SERVERS = {0}; their end stops them, and prints what
 * one said that failed by itself. */
#define CLEANUP_SHARE_SERVERS CLEANUP(share_servers_stop)

/* Starts plan.servers, each on a socket that already listens, so that QEMU can connect at once. A
 * share that is read-only is so for its server: in a mount namespace of its own, as an ordinary
 * user in a user namespace too. 0, or a negative errno with the reason. */
int share_servers_start(struct share_servers *servers, const struct plan *plan, struct error *e);

void share_servers_stop(struct share_servers *servers);
