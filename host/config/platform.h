/* SPDX-License-Identifier: MIT */
/* Properties of the guest's platform: QEMU's program and machine, the serial console, the size of
 * the kernel's command line. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum platform_family {
    FAMILY_OTHER,
    FAMILY_X86,
    FAMILY_ARM,
};

struct platform {
    const char *cpu; /* as in CPU-linux */
    enum platform_family family;
    const char *program;     /* QEMU in virtualisation.qemu.package */
    const char *system;      /* QEMU on PATH */
    const char *machine;     /* of `program`; NULL: its default */
    const char *sys_machine; /* of `system`; NULL: its default */
    const char *model;       /* -cpu; NULL: the default */
    const char *serial;      /* the serial console; NULL: unknown */
    size_t cmdline_size;     /* of the kernel's command line, with the terminating zero */
    const char *hosts;       /* host processors on which KVM runs it, each between spaces, its own
                              * last */
};

/* The platform "CPU-linux"; an unknown one has defaults and `serial` NULL. Static. */
const struct platform *platform_find(const char *system);

/* "x86_64-linux, i686-linux, …": the known platforms; the caller frees. */
char *platform_known(void);

/* QEMU's TPM for a platform; NULL: there is none. Static. */
const char *platform_tpm(const struct platform *platform);
