/* SPDX-License-Identifier: MIT */
/* The making of a plan: what its steps share. build.c lists the steps, each in a file of its own. A
 * problem goes to the configuration's problems, and the next step goes on, so that all of it is
 * reported. */
#pragma once

#include <stdbool.h>

#include "base/strv.h"
#include "common/params.h"
#include "host/config/config.h"
#include "host/config/diskinterface.h"
#include "host/config/platform.h"
#include "host/plan/accel.h"
#include "host/plan/dialect.h"
#include "host/plan/plan.h"
#include "host/plan/planoptions.h"
#include "host/plan/surroundings.h"
#include "host/plan/variables.h"

/* The tag of the share that --root-dir makes. */
#define PLANNER_ROOT_TAG "run-vm-root"

/* The tag of the share with the kernel's modules. */
#define PLANNER_MODULES_TAG "run-vm-modules"

struct planner {
    struct plan *plan;
    struct config *config;
    const struct plan_options *options;
    const struct surroundings *at;
    const struct platform *guest;
    const struct dialect *dialect;
    const struct disk_interface *disks;
    struct variables variables;
    bool kernel_given;           /* QEMU is given a kernel, with parameters */
    bool emulated;               /* the accelerator is TCG */
    bool keep_tmp;               /* the temporary directory is the user's, or shall be kept */
    bool lends_modules;          /* the root may have no modules of the kernel that runs */
    bool modules_shared;         /* the kernel's modules are a share */
    struct guest_params params;  /* of our init */
    struct cmdline kernel_words; /* more parameters of the kernel's own, of a start with our init */
    char *disk_image;            /* resolved; NULL: none */
    char *efi_vars;              /* resolved; NULL: none */
    char *reg_info;              /* the registration, as the guest sees it; NULL: none */
    struct strv given; /* what the user says to QEMU, expanded, from all sources in their order */
    struct error *e;   /* for what is not the configuration's fault */
    int failed;        /* a negative errno once `e` is set */
};

/* Notes a problem with an environment variable. */
void planner_environment_problem(struct planner *p, const char *variable, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Appends a file to be made; `path` and `source` become the plan's. */
struct plan_file *planner_add_file(struct planner *p, enum file_kind kind, char *path,
                                   char *source);

/* Chooses the bus of the PCI device of this number, from 0, among those of one kind; the caller
 * frees. The machine's own bus has 32 slots for all kinds: the first `own` devices go there, the
 * others behind bridges, each of which is called `bridge` and a number. */
struct model_bus planner_bus(const char *bridge, size_t own, size_t number);

/* "TMPDIR/NAME"; the caller frees. */
char *planner_temporary(const struct planner *p, const char *name);

/* The text of an option, expanded as one word for a list of QEMU's options: its own commas are
 * the list's, those of variables are not. The caller frees. "" after a problem. */
char *planner_expand_item(struct planner *p, const char *option, const char *text);

/* The text of an option, expanded as one word that is a path: an empty one is a problem. The
 * caller frees. */
char *planner_expand_path(struct planner *p, const char *option, const char *text);

/* What is at a path of the guest's store, on the host; the caller frees. A problem with `option`
 * and NULL where there is nothing. */
char *planner_store_path(struct planner *p, const char *option, const char *path);

/* The same for a path that need not be in the store: any other is the host's as it is. */
char *planner_host_path(struct planner *p, const char *option, const char *path);

/* Notes what must exist before anything is made, and which option wants it.
 * Not with the system's own initrd: as in the specification, QEMU then reports what is missing. */
void planner_need(struct planner *p, const char *option, const char *path, enum need_kind kind);

/* The same for what QEMU is given as a file, which may be nbd:… or the like instead. */
void planner_need_file(struct planner *p, const char *option, const char *path);

/* The same for the files, directories and ports in words of the user's for QEMU; `source` is where
 * they come from, as messages name it. */
void planner_need_words(struct planner *p, const char *source, const struct strv *words);

/* Notes the ports of the host in a list of options of QEMU's user network. One that is forwarded
 * already is a problem. */
void planner_need_ports(struct planner *p, const char *source, const char *list);

/* A path of the host that the user names, `given`, spelt below the root of the tree that it is in:
 * that of --root-dir or of the chroot store, in which the links of such a tree lead to what they
 * mean. `root`, which the caller frees like the path, is "" for any other. */
char *planner_tree_path(const struct planner *p, const char *given, char **root);

/* Resolves the symbolic links of a path that the user names, inside the tree that it is in. The
 * caller frees; NULL with errno set where it does not exist. */
char *planner_named_path(const struct planner *p, const char *given);

/* The steps, in their order. */
void plan_places(struct planner *p);  /* temporary directory, disk image, EFI variables */
void plan_given(struct planner *p);   /* what the user says to QEMU */
void plan_checks(struct planner *p);  /* what types cannot say: the specification's assertions */
void plan_files(struct planner *p);   /* files to make */
void plan_machine(struct planner *p); /* QEMU's program, machine, processor, memory */
void plan_network(struct planner *p); /* networkingOptions, virtual networks */
void plan_shares(struct planner *p);  /* sharedDirectories */
void plan_drives(struct planner *p);  /* drives */
void plan_exec(struct planner *p);    /* --exec */
void plan_options(struct planner *p); /* qemu.options, $QEMU_OPTS, arguments */

void plan_roots(struct planner *p);   /* store paths that must not be collected meanwhile */
void plan_effects(struct planner *p); /* settings without effect */

/* Parts of these. */
void plan_console(struct planner *p); /* the console and QEMU's monitor, where nobody puts them */
void plan_report(struct planner *p);  /* what init says of its boot */
void plan_sandbox(struct planner *p); /* -sandbox */
void plan_kernel(struct planner *p);  /* the kernel, its initrd and parameters */
void plan_guest_params(struct planner *p); /* filesystems and modules for our init */
void plan_blank_disks(struct planner *p);  /* disks that our init may format */
void plan_initrd(struct planner *p);
void plan_boot_disk(struct planner *p);
void plan_modules(struct planner *p); /* the share of the kernel's modules */
char *planner_find_modules(struct planner *p);

/* Appends a module or alias to those that the initrd is to have. */
void planner_add_module(struct planner *p, const char *name);

/* Drivers of the network cards and of the power button, for a root that brings none. */
void planner_add_expected_drivers(struct planner *p);

/* Adds the share of the kernel's modules, if there is one, to the guest's parameters. */
void planner_share_modules(struct planner *p);

/* Whether a share is on virtiofs, which takes memory that its server can map. */
bool planner_uses_virtiofs(const struct planner *p);

/* Adds a read-only 9p share that is not in the configuration. */
void planner_add_own_share(struct planner *p, const char *tag, const char *path);

/* Whether the user's options for QEMU replace our item of that kind. */
bool planner_replaced(const struct planner *p, enum model_kind ours);

/* Adds an item that is a text to the machine, unless the user's options replace it. */
void planner_choose(struct planner *p, enum model_kind kind, const char *text);

/* The accelerator that the user's options or --accel name; a problem where they contradict each
 * other. */
enum accel_choice planner_accelerator(struct planner *p);

/* The guest's memory in bytes. */
uint64_t planner_memory(const struct planner *p);

/* Whether the machine has the slots and ports of ours: on x86, that it is q35. */
bool planner_has_own_machine(const struct planner *p);

/* $QEMU_OPTS, split on white space and nothing else. */
void planner_environment_options(struct planner *p, struct strv *words);

/* Adds the entries of the list `option` of QEMU's options to the machine: built-in ones by the
 * function of their name, the user's expanded and split. */
struct planner_builtin {
    const char *name;
    void (*add)(struct planner *p);
};
void planner_add_entries(struct planner *p, const char *option, const struct qemu_entries *entries,
                         const struct planner_builtin *builtins, size_t count);
