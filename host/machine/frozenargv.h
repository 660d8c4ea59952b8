/* SPDX-License-Identifier: MIT */
/* Arguments of a QEMU whose machine is saved in files, or continues from them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/strv.h"
#include "host/machine/model.h"

/* Appends the arguments of the same machine with all of its memory in a file of `bytes` bytes. A
 * machine that is `made` writes to the file, and its drives are blank. Otherwise it keeps what it
 * writes to itself, and waits for a state to be loaded before it begins (migrate-incoming). QEMU
 * takes the size of a virtio disk from its image, not from the state. */
void frozenargv_write(const struct model *model, const char *memory, uint64_t bytes, bool made,
                      struct strv *argv);

/* Appends texts that are the same only for two machines that a guest cannot tell apart before it
 * opens a share, uses the network or asks a disk for anything. Files of the kernel, and the host's
 * processor, are left out. */
void frozenargv_fingerprint(const struct model *model, struct strv *texts);
