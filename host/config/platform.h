/* SPDX-License-Identifier: MIT */
/* What depends on the guest's processor: QEMU's program and machine, the serial console, the input
 * devices, the firmware. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum guest_family {
    FAMILY_OTHER,
    FAMILY_X86,
    FAMILY_ARM,
};

struct guest {
    const char *cpu; /* as in CPU-linux */
    enum guest_family family;
    const char *program;     /* of virtualisation.qemu.package */
    const char *system;      /* the program on PATH */
    const char *machine;     /* of `program`; NULL: its default */
    const char *sys_machine; /* of `system`; NULL: its default */
    const char *model;       /* -cpu; NULL: the default */
    const char *serial;      /* the serial console; NULL: not known */
    size_t cmdline_size;     /* what its kernels accept, with the terminating zero */
    const char *hosts;       /* processors on which KVM runs it, between spaces */
};

/* The guest of the system "CPU-linux"; one that nothing is known about has `serial` NULL. Static.
 */
const struct guest *guest_find(const char *system);

/* "x86_64-linux, i686-linux, …": the systems of which something is known; the caller frees. */
char *guest_known(void);

struct firmware {
    const char *code;
    const char *variables;
};

/* Where Debian has the EFI firmware for the guest; NULL where it has none. Static. */
const struct firmware *guest_firmware(const struct guest *guest);
