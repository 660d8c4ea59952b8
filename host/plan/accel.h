/* SPDX-License-Identifier: MIT */
/* KVM or TCG. */
#pragma once

#include "host/config/platform.h"
#include "host/plan/planoptions.h"

struct accel {
    const char *name; /* as QEMU calls it; static */
    char *reason;     /* why it is not KVM although nobody asked for TCG; NULL: it is, or somebody
                       * did. Owned */
};

#define CLEANUP_ACCEL CLEANUP(accel_free)

/* Decides. KVM can be used where the host's processor runs the guest's instructions, /dev/kvm
 * opens for reading and writing and, on x86, the processor has vmx or svm: some hosts offer a
 * /dev/kvm on which no ordinary kernel boots. */
void accel_choose(struct accel *accel, enum accel_choice choice, const struct platform *guest);

void accel_free(struct accel *accel);

/* Whether /proc/cpuinfo's text names one of vmx and svm among the flags of a processor. */
bool accel_has_virtualization(const char *cpuinfo);
