/* SPDX-License-Identifier: MIT */
/* Programs that serve the machine, from before QEMU's start until after its exit: the servers of
 * shares, the emulator of the TPM. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/cleanup.h"

struct helper {
    pid_t pid;           /* 0: it has exited, and that was reported */
    int end;             /* its pidfd; -1: the kernel has none */
    const char *program; /* before the lines of its output; static */
    char *name;          /* for messages, with what it serves */
    char *log;           /* the file with its output */
};

struct helper_list {
    struct helper *items;
    size_t count;
    int ended; /* an epoll descriptor, readable once one has exited; -1: there is none */
};

/* struct helper_list helpers CLEANUP_HELPERS = {.ended = -1}; */
#define CLEANUP_HELPERS CLEANUP(helpers_stop)

/* Adds a process that has been started, and takes the texts. */
void helpers_add(struct helper_list *helpers, struct helper helper);

/* Creates the file for a helper's output. Returns its descriptor, or -1 with errno. */
int helpers_create_log(const char *path);

/* Logs which helpers have exited, successfully or not. */
void helpers_report(struct helper_list *helpers);

/* Ends the helpers, which exit after QEMU, and kills those that do not. Logs those that failed. */
void helpers_stop(struct helper_list *helpers);
