/* SPDX-License-Identifier: MIT */
/* The two ways in which run-vm talks to QEMU and to the guest, chosen by runVm.initrd. With
 * "builtin", init is ours and QEMU's arguments are as good as we know how. With "system", init is
 * the system's, and the arguments are word for word those of the script that nixpkgs' qemu-vm.nix
 * generates. */
#pragma once

#include <stdbool.h>

struct dialect {
    const char *initrd;  /* the value of runVm.initrd */
    bool own_init;       /* init understands vm. parameters, bootconfig, virtiofs and --exec, and
                          * the host picks the modules of its initrd */
    bool undo;           /* a start that fails removes the images it has made */
    bool checks_host;    /* what the host lacks is found before QEMU reports it */
    bool unpacks_kernel; /* QEMU gets the kernel unpacked where it can start it */
    bool gives_way;      /* options of the user's replace ours */
    bool suits_tcg;      /* an emulated processor has the features that are emulated well */
    bool named_ports;    /* each IDE drive names its SATA port */
    bool bridges;        /* disks past the machine's bus go behind bridges */
    bool snapshots;      /* a store image on IDE, which cannot be read-only, is a snapshot; without
                          * it the guest gets a copy */
    bool packs;          /* the store image is a qcow2 file */
    bool tells_raw;      /* QEMU is told that an image is raw */
    bool always_console; /* the console is named also where nobody types anything */
    bool guest_agent;    /* guestAgent.enable makes the agent's channel */
    bool resolution;     /* the display prefers the resolution asked for */
};

/* The dialect of a value of runVm.initrd; NULL if the option does not know the value. */
const struct dialect *dialect_find(const char *initrd);
