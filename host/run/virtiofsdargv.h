/* SPDX-License-Identifier: MIT */
/* Command lines of the two programs called virtiofsd: QEMU's own, in C, up to QEMU 7, and its
 * successor in Rust, whose versions differ in the options that they know. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/strv.h"
#include "host/plan/plan.h"

struct virtiofsdargv {
    const char *help; /* what the program prints with --help */
    uid_t uid;        /* run-vm's; an ordinary user is root in the server's user namespace */
    gid_t gid;
    bool unconfined; /* the kernel allows neither run-vm nor the server a namespace */
};

/* Appends the command of the server of `directory`, which listens on its standard input. */
void virtiofsdargv_build(const struct virtiofsdargv *host, struct strv *argv,
                         const struct plan_server *server, const char *directory);

/* True if the program is QEMU's own, which serves root only. */
bool virtiofsdargv_is_qemus(const struct virtiofsdargv *host);

/* True if the program can serve without a namespace, and still refuses to write to a read-only
 * share. */
bool virtiofsdargv_can_be_unconfined(const struct virtiofsdargv *host);
