/* SPDX-License-Identifier: MIT */
/* A set of kernel modules that contains all dependencies, and the index files by which libkmod
 * finds the modules in the guest. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strv.h"

struct module {
    char *name;           /* with underscores, as in /proc/modules */
    char *file;           /* on the host */
    char *path;           /* below the modules directory, without .gz, .xz, .zst */
    struct strv needs;    /* names of modules it depends on, in the order of loading */
    struct strv aliases;  /* patterns that devices and filesystems are matched with */
    struct strv softdeps; /* as in modprobe.d(5): "pre: crc32c" */
    uint32_t order;       /* of modules with the same alias the lowest is loaded first */
};

struct module_set {
    struct module *items; /* by name */
    size_t count;
    struct strv missing; /* wanted names that neither a module nor the kernel itself has */
};

/* struct module_set set CLEANUP_MODULE_SET = {0}; */
#define CLEANUP_MODULE_SET CLEANUP(moduleset_free)

/* Finds the modules with these names or aliases (- and _ are the same) in `directory`, a
 * lib/modules/VERSION in which depmod has been run, and all their dependencies, soft ones included.
 * Names that are built into the kernel need no module. Symlinks are resolved inside `root`, the
 * root of the tree; "" is the host's own. `checked`: the guest's kernel will check the modules'
 * signatures, so the modules that do this fastest are added. Returns 0, or a negative errno with
 * the reason. */
int moduleset_find(struct module_set *set, const char *root, const char *directory,
                   const struct strv *names, bool checked, struct error *e);

void moduleset_free(struct module_set *set);

/* An index file that libkmod reads. */
struct module_file {
    const char *name;
    char *content; /* owned */
    size_t size;
};

/* Number of files that moduleset_files() makes. */
#define MODULE_FILES 6

/* Makes the index files of the set; those of built-in modules are copied from `directory`. Returns
 * 0 or a negative errno; free the contents in both cases. */
int moduleset_files(const struct module_set *set, const char *root, const char *directory,
                    struct module_file files[MODULE_FILES], struct error *e);
