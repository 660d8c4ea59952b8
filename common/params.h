/* SPDX-License-Identifier: MIT */
/* The guest parameters: one table of everything that the host may pass to init on the kernel's
 * command line. The host encodes by it, the guest parses by it, the manual is generated from it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/strv.h"
#include "common/cmdline.h"
#include "common/paramtypes.h"

enum store_overlay {
    STORE_OVERLAY_TMPFS,
    STORE_OVERLAY_ROOT,
    STORE_OVERLAY_NONE, /* the store is mounted on /nix/store itself */
    STORE_OVERLAY_BIND, /* the store is mounted apart, and bound to /nix/store */
};

/* The names that the store's writable layer has in STORE_UPPER_DIR, by enum store_upper. */
extern const char *const store_upper_names[];

enum store_upper {
    STORE_UPPER_STORE, /* NixOS until 23.11 */
    STORE_UPPER_UPPER, /* since */
};

struct guest_params {
    char *init; /* NULL: /init, then /sbin/init */
    char *root; /* NULL: not given */
    char *rootfstype;
    char *rootflags;
    bool read_only;       /* ro; the default is rw */
    struct strv consoles; /* values of console=, the last is /dev/console */
    char *reg_info;
    bool trace;
    bool shell_on_fail;
    bool debug1;
    bool debug1devices;
    bool debug1mounts;
    struct mount_list mounts;
    struct share_list shares;
    struct strv submounts; /* paths, escaped as in fstab(5) */
    uint64_t msize;        /* bytes; 0: GUEST_STORE_MSIZE or GUEST_SHARE_MSIZE */
    struct store_spec store;
    unsigned int store_overlay; /* enum store_overlay */
    unsigned int store_upper;   /* enum store_upper */
    bool root_overlay;          /* vm.root.overlay=tmpfs */
    struct strv modules;
    struct ifname_list ifnames;
    char *hostname; /* NULL: stage 2 sets it */
    struct netspec network;
    struct strv blank;       /* the words of the stamps on blank disks */
    uint64_t device_timeout; /* seconds */
    unsigned int on_fail;    /* enum on_fail */
    char *console_size;      /* ROWSxCOLUMNS; NULL: unknown */
    bool agent;              /* serve the host's sessions beside stage 2 */
    bool exec; /* run the command sent over the channel (common/frame.h) instead of stage 2 */
    bool warm; /* before the run begins, wait for the host on that channel */
};

/* struct guest_params p CLEANUP_GUEST_PARAMS; guest_params_init(&p); */
#define CLEANUP_GUEST_PARAMS CLEANUP(guest_params_free)

/* Prefix of the parameters that are ours. The kernel takes a dotted one for a module's, and does
 * not pass it on to stage 2. */
#define PARAM_PREFIX "vm."

/* Every parameter, in the order of the manual. */
extern const struct param guest_param_table[];
extern const size_t guest_param_count;

/* Defaults of parameters that are not given. */
#define GUEST_DEFAULT_DEVICE_TIMEOUT 20 /* seconds */

/* msize of 9p mounts in bytes, unless vm.msize sets it. The whole system is read through its store
 * and root, which use Linux's own default (since 5.15). Other shares may be numerous, and each
 * keeps buffers of this size: they use the default of nixpkgs' qemu-vm.nix. */
#define GUEST_STORE_MSIZE 131072
#define GUEST_SHARE_MSIZE 16384

/* Sets every default. */
void guest_params_init(struct guest_params *params);

/* Parses the words into `params`, which holds the defaults or the result of an earlier call.
 * Ignores words that are not in the table, which are the kernel's or stage 2's, unless they begin
 * with PARAM_PREFIX. Returns 0, or -EINVAL with a message that names the parameter. */
int guest_params_parse(struct guest_params *params, const struct cmdline *line, struct error *e);

/* Appends a word for each parameter that differs from its default, in the table's order.
 * guest_params_parse() of the words yields equal parameters. */
void guest_params_encode(const struct guest_params *params, struct cmdline *line);

void guest_params_free(struct guest_params *params);
