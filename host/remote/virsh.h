/* SPDX-License-Identifier: MIT */
/* Calls virsh, which speaks to a libvirt. Its messages go to run-vm's standard error. */
#pragma once

#include <stdbool.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/strv.h"

/* A libvirt that answers. */
struct virsh {
    char *uri;           /* as libvirt itself spells it */
    char *word;          /* the same, quoted for a shell */
    char *host;          /* qemu://HOSTNAME/system: the same however it is reached */
    struct strv running; /* the names of the machines that run there, when it is opened */
    bool is_session;     /* it is a user's own, otherwise the host's */
    bool is_local;       /* it is on this host */
};

/* struct virsh virsh CLEANUP_VIRSH = {0}; */
#define CLEANUP_VIRSH CLEANUP(virsh_close)
void virsh_close(struct virsh *virsh);

/* Finds the libvirt that `uri` means: qemu+ssh://HOST/system, qemu:///session, or an alias of
 * libvirt.conf(5). Returns 0, or a negative errno with the reason and, as the error's status, 69.
 */
int virsh_open(struct virsh *virsh, const char *uri, struct error *e);

/* Runs a command: its words, then NULL. Returns its output in the locale C, which the caller frees;
 * NULL with the reason. One word alone may be several commands, "uri; hostname": virsh runs all
 * of them by one connection, also after one that fails, and only the last decides. */
char *virsh_call(const struct virsh *virsh, struct error *e, const char *command, ...)
    __attribute__((sentinel));

/* The same for a question whose answer may be an error: its messages are dropped, and NULL is all
 * that is known then. */
char *virsh_ask(const struct virsh *virsh, const char *command, ...) __attribute__((sentinel));

/* Returns the rest of the line of virsh's output that begins with "KEY:", without blanks around it;
 * the caller frees. NULL: there is no such line. */
char *virsh_field(const char *output, const char *key);

/* Returns the part of several commands' output that begins with the line "Name: NAME" and ends
 * before the next "Name:"; the caller frees. NULL: there is none. */
char *virsh_record(const char *output, const char *name);

/* True if a line of virsh's output is `name`, with blanks after it or not. */
bool virsh_lists(const char *output, const char *name);
