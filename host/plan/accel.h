/* SPDX-License-Identifier: MIT */
/* The choice between KVM and TCG. */
#pragma once

#include "host/config/platform.h"
#include "host/plan/planoptions.h"

struct accel {
    const char *name; /* QEMU's name of it; static */
    char *reason;     /* of TCG that nobody asked for; NULL: KVM, or TCG was asked for. Owned */
};

#define CLEANUP_ACCEL CLEANUP(accel_free)

/* Decides. KVM can be used if the host's processor runs the guest's instructions, /dev/kvm
 * opens for reading and writing and, on x86, the processor has vmx or svm: some hosts offer a
 * /dev/kvm on which no ordinary kernel boots. */
void accel_choose(struct accel *accel, enum accel_choice choice, const struct platform *guest);

void accel_free(struct accel *accel);

/* True if the guest's processor is the host's own, not merely one that it runs as well (i686 on
 * x86-64), or it is not known. */
bool accel_is_own(const struct platform *guest);

/* True if the text of /proc/cpuinfo names one of vmx and svm among the flags of a processor. */
bool accel_has_virtualization(const char *cpuinfo);

/* True if it says that the time stamp counter of the processor has one rate, whatever the processor
 * does. */
bool accel_has_invariant_tsc(const char *cpuinfo);

/* Returns its line "model name" of the first processor; "" if there is none. The caller frees. */
char *accel_model_name(const char *cpuinfo);

/* Reads /proc/cpuinfo; the caller frees. "": it cannot be read. */
char *accel_cpuinfo(void);
