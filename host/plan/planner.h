/* SPDX-License-Identifier: MIT */
/* State and helpers that the steps of building a plan share. build.c lists the steps, each of which
 * is in a file of its own. A step adds what is wrong to the configuration's problems, and the next
 * step goes on, so that all problems are reported at once. */
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

/* The tag of the share with depmod's files, if the modules have none. */
#define PLANNER_INDEX_TAG "run-vm-module-index"

/* The name, in the temporary directory, of the EFI variables that come with a boot disk. */
#define PLANNER_BOOT_VARIABLES "boot-efi-vars.fd"

/* The mount option that names the disk to format if no device has the label of the mount. */
#define PLANNER_DISK_OPTION "x-run-vm.disk"

struct planner {
    struct plan *plan;
    struct config *config;
    const struct plan_options *options;
    const struct surroundings *at;
    const struct platform *guest;
    const struct dialect *dialect;
    const struct disk_interface *disks;
    struct variables variables;
    bool emulated;               /* the accelerator is TCG */
    bool keep_tmp;               /* the temporary directory is the user's, or shall be kept */
    bool lends_modules;          /* the root may have no modules of the kernel that runs */
    bool modules_indexed;        /* the index of these is another share */
    bool modules_shared;         /* the kernel's modules are a share */
    uint64_t firmware_bytes;     /* that the firmware keeps in memory besides its usual tables */
    struct guest_params params;  /* of our init */
    struct cmdline kernel_words; /* more parameters of the kernel's own, of a start with our init */
    char *disk_image;            /* resolved; NULL: none */
    char *efi_vars;              /* resolved; NULL: none */
    char *tpm_state;             /* resolved; NULL: none */
    char *reg_info;              /* the registration, as the guest sees it; NULL: none */
    char *given_root;            /* root= among the user's kernel parameters; NULL: none */
    struct strv
        given;       /* the user's arguments for QEMU, expanded, from all sources in their order */
    struct error *e; /* of a failure that is not the configuration's fault */
    int failed;      /* a negative errno once `e` is set */
};

/* True if the root on the disk image is the lower layer of an overlay. */
bool planner_overlays_root(const struct planner *p);

/* Adds a problem with an environment variable. */
void planner_environment_problem(struct planner *p, const char *variable, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Appends a file to be made. The plan takes over `path` and `source`. */
struct plan_file *planner_add_file(struct planner *p, enum file_kind kind, char *path,
                                   char *source);

/* Chooses the bus of the PCI device of this number, from 0, among those of one kind; the caller
 * frees. The machine's own bus has 32 slots for all kinds: the first `own` devices go there, the
 * others behind bridges, each of which is called `bridge` and a number. */
struct model_bus planner_bus(const char *bridge, size_t own, size_t number);

/* Returns "TMPDIR/NAME"; the caller frees. */
char *planner_temporary(const struct planner *p, const char *name);

/* Expands the text of an option as one word of a list of QEMU's options: commas in the text
 * separate the items of the list, commas in the value of a variable are escaped. The caller frees.
 * Returns "" after adding a problem. */
char *planner_expand_item(struct planner *p, const char *option, const char *text);

/* Expands the text of an option as one word that is a path, which must not be empty. The caller
 * frees. Returns "" after adding a problem. */
char *planner_expand_path(struct planner *p, const char *option, const char *text);

/* Finds a store path of the guest on the host; the caller frees. Returns NULL, after adding a
 * problem with `option`, if it does not exist. */
char *planner_store_path(struct planner *p, const char *option, const char *path);

/* Does the same for a path in the store, and copies any other path. */
char *planner_host_path(struct planner *p, const char *option, const char *path);

/* Finds "DIRECTORY/NAME" on the host, DIRECTORY being an option's value, in the guest's store. The
 * caller frees; NULL after a problem, or if the option is null. */
char *planner_store_file(struct planner *p, const char *option, const char *name);

/* Adds a file that must exist before anything is made, and the option that needs it. With the
 * system's own initrd QEMU reports what is missing, as with the script of qemu-vm.nix. */
void planner_need(struct planner *p, const char *option, const char *path, enum need_kind kind);

/* Does the same for a file of QEMU's, unless it is a URL such as nbd:… instead. */
void planner_need_file(struct planner *p, const char *option, const char *path);

/* Does the same for files, directories and ports in the user's arguments for QEMU. Messages name
 * `source` as their origin. */
void planner_need_words(struct planner *p, const char *source, const struct strv *words);

/* Adds the ports of the host in a list of options of QEMU's user network. A port that is forwarded
 * already is a problem. */
void planner_need_ports(struct planner *p, const char *source, const char *list);

/* Returns the absolute form of `given`, a path of the host, and sets `root` to the root of the tree
 * that contains it: the directory of --root-dir or of the chroot store, inside which the symbolic
 * links of the tree must be resolved; "" if neither contains it. The caller frees both. */
char *planner_tree_path(const struct planner *p, const char *given, char **root);

/* Resolves the symbolic links of a path of the host, inside the tree that contains it. The caller
 * frees; NULL with errno set if the path does not exist. */
char *planner_named_path(const struct planner *p, const char *given);

/* The steps, in their order. */
void plan_places(struct planner *p); /* temporary directory, disk image, EFI variables */
void plan_given(struct planner *p);  /* the user's arguments for QEMU */
void plan_checks(
    struct planner *p); /* assertions of qemu-vm.nix, and others that types cannot express */
void plan_files(struct planner *p);   /* files to make */
void plan_machine(struct planner *p); /* QEMU's program, machine, processor, memory */
void plan_network(struct planner *p); /* networkingOptions, virtual networks */
void plan_shares(struct planner *p);  /* sharedDirectories */
void plan_drives(struct planner *p);  /* drives */
void plan_exec(struct planner *p);    /* --exec */
void plan_warm(struct planner *p);    /* runVm.warmStart */
void plan_agent(struct planner *p);   /* run-vm exec */
void plan_options(struct planner *p); /* qemu.options, $QEMU_OPTS, arguments */

void plan_roots(struct planner *p);   /* store paths to keep from garbage collection */
void plan_effects(struct planner *p); /* settings without effect */

/* Parts of the steps. */
void plan_credentials(struct planner *p); /* the guest's credentials */
void plan_tpm(struct planner *p);         /* the TPM and its emulator */
void plan_console(
    struct planner *p); /* the console and QEMU's monitor, unless the user places them */
void plan_report(struct planner *p);       /* the channel of the boot report */
void plan_sandbox(struct planner *p);      /* -sandbox */
void plan_kernel(struct planner *p);       /* the kernel, its initrd and parameters */
void plan_guest_params(struct planner *p); /* filesystems and modules for our init */
void plan_blank_disks(struct planner *p);  /* disks that our init may format */
void plan_initrd(struct planner *p);
void plan_transport(struct planner *p);     /* checks of how shares are served */
void plan_firmware(struct planner *p);      /* EFI */
void plan_efi_variables(struct planner *p); /* the file of the EFI variables */
void plan_boot_disk(struct planner *p);
void plan_modules(struct planner *p); /* the share of the kernel's modules */
char *planner_find_modules(struct planner *p);

/* True if the guest starts with our init: QEMU is given our initrd, and a kernel to start it. */
bool planner_has_own_init(const struct planner *p);

/* True if the guest boots what is on its disks, which run-vm knows nothing of. */
bool planner_boots_foreign(const struct planner *p);

/* Returns the guest's name of the drive called "root", which the caller frees. NULL: there is none,
 * or it has no name. */
char *planner_root_disk(const struct planner *p);

/* Appends a module or alias to those that the initrd is to have. */
void planner_add_module(struct planner *p, const char *name);

/* Adds drivers of the network cards and of the power button, for a root that brings none. */
void planner_add_expected_drivers(struct planner *p);

/* Sets the guest's parameters of runVm.guestNetwork. */
void planner_configure_network(struct planner *p);

/* Adds the share of the kernel's modules, if there is one, to the guest's parameters. */
void planner_share_modules(struct planner *p);

/* Finds virtiofsd. The caller frees; NULL: there is none, and the planner has failed. */
char *planner_share_server(struct planner *p);

/* True if a share is on virtiofs, whose server must be able to map the guest's memory. */
bool planner_uses_virtiofs(const struct planner *p);

/* Adds a 9p share that is not in the configuration. */
void planner_add_own_share(struct planner *p, const char *tag, const char *path, bool read_only);

/* True if the user's arguments for QEMU replace our item of that kind. */
bool planner_replaced(const struct planner *p, enum model_kind ours);

/* Adds an item that is a text to the machine, unless the user's options replace it. */
void planner_choose(struct planner *p, enum model_kind kind, const char *text);

/* Returns the accelerator that the user's arguments for QEMU or --accel name. Adds a problem if
 * they contradict each other. */
enum accel_choice planner_accelerator(struct planner *p);

/* Returns the size of the guest's memory in bytes. */
uint64_t planner_memory(const struct planner *p);

/* True if the user's arguments for QEMU give the machine memory that no other process can map. */
bool planner_memory_is_private(const struct planner *p);

/* True if the machine has the slots and ports that we use: on x86, if it is q35. */
bool planner_has_own_machine(const struct planner *p);

/* Appends the words of $QEMU_OPTS, which is split at white space and not otherwise expanded. */
void planner_environment_options(struct planner *p, struct strv *words);

/* Adds the entries of the list `option` of QEMU's options to the machine: built-in ones by the
 * function of their name, the user's expanded and split. */
struct planner_builtin {
    const char *name;
    void (*add)(struct planner *p);
};
void planner_add_entries(struct planner *p, const char *option, const struct qemu_entries *entries,
                         const struct planner_builtin *builtins, size_t count);
