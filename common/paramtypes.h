/* SPDX-License-Identifier: MIT */
/* The types of the guest parameters: how the member of a row is read, written and freed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/strv.h"
#include "common/cmdline.h"
#include "common/ifname.h"
#include "common/mountspec.h"
#include "common/netspec.h"

enum on_fail {
    ON_FAIL_PROMPT,
    ON_FAIL_POWEROFF,
    ON_FAIL_REBOOT,
    ON_FAIL_PANIC,
};

struct mount_list {
    struct mount_spec *items;
    size_t count;
};

struct share_list {
    struct share_spec *items;
    size_t count;
};

struct ifname_list {
    struct ifname *items;
    size_t count;
};

enum param_type {
    PARAM_TEXT,    /* char *, the last one wins */
    PARAM_FLAG,    /* bool, true without a value; 0, no, false, off and 1, yes, true, on */
    PARAM_UNSET,   /* bool, false without a value: rw is the opposite of ro */
    PARAM_WORD,    /* bool, true when the value is one of `choices` */
    PARAM_TEXTS,   /* struct strv, repeatable */
    PARAM_NAMES,   /* struct strv, comma-separated and repeatable */
    PARAM_NUMBER,  /* uint64_t, decimal, not 0 */
    PARAM_CHOICE,  /* unsigned int, an index into `choices` */
    PARAM_PANIC,   /* unsigned int, ON_FAIL_PANIC when given */
    PARAM_STORE,   /* struct store_spec */
    PARAM_MOUNTS,  /* struct mount_list, repeatable */
    PARAM_SHARES,  /* struct share_list, repeatable */
    PARAM_IFNAMES, /* struct ifname_list, repeatable */
    PARAM_NETWORK, /* struct netspec, the last one wins */
};

struct param {
    const char *name;
    enum param_type type;
    size_t offset;        /* of the member of struct guest_params */
    const char *argument; /* as the manual shows it: "SECONDS"; NULL: none */
    const char *help;
    const char *const *choices; /* ended by NULL; of PARAM_CHOICE and PARAM_WORD */
    bool alias;                 /* another name of the row above it; never encoded */
};

/* Reads a value (NULL if the word has no '='), writes and frees it. A type without `write` changes
 * a member that another row writes. */
struct param_type_operations {
    int (*read)(const struct param *param, void *member, const char *value, struct error *e);
    /* appends the words for `member`, unless it equals `initial` */
    void (*write)(const struct param *param, const void *member, const void *initial,
                  struct cmdline *line);
    void (*free)(void *member);
};

/* By enum param_type. */
extern const struct param_type_operations param_types[];
