/* SPDX-License-Identifier: MIT */
/* Kernel modules, by libkmod: what the devices and mounts at hand call for, with what that depends
 * on, as modprobe would load it. */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/strv.h"

struct kmod_ctx;

struct modules {
    struct kmod_ctx *kmod; /* NULL: the initrd has no modules at all */
    struct strv seen;      /* aliases that have been looked up, sorted */
};

/* struct modules m CLEANUP_MODULES = {0}; */
#define CLEANUP_MODULES CLEANUP(modules_close)

#define MODULES_DIRECTORY "/lib/modules"

/* Opens the modules of the running kernel under `directory` (MODULES_DIRECTORY). An initrd without
 * any is fine (all is built in); one with modules of other kernels only is -ENOENT. */
int modules_open(struct modules *modules, const char *directory, struct error *e);

/* Loads what `alias` stands for: a device's modalias, "fs-ext4", or a module's name; each alias is
 * looked up once. What cannot be loaded is logged. Returns true when some module has that alias or
 * the kernel has it built in. */
bool modules_load(struct modules *modules, const char *alias);

/* What the initrd has to check modules' signatures with: to be loaded before all others. */
void modules_load_hashes(struct modules *modules);

/* "fs-TYPE": the module of a filesystem. */
void modules_load_filesystem(struct modules *modules, const char *type);

void modules_close(struct modules *modules);
