/* SPDX-License-Identifier: MIT */
/* A kernel's modules: which of them have to be there for some of them to work, and the files by
 * which libkmod finds them in the guest. */
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
    struct strv needs;    /* names of modules it depends on, the one to load first first */
    struct strv aliases;  /* patterns that devices and filesystems are matched with */
    struct strv softdeps; /* as in modprobe.d(5): "pre: crc32c" */
    uint32_t order;       /* where several have an alias, the least is loaded first */
};

struct module_set {
    struct module *items; /* by name */
    size_t count;
    struct strv missing; /* of the wanted names, those that nothing in the kernel has */
};

/* struct module_set set CLEANUP_MODULE_SET = {0}; */
#define CLEANUP_MODULE_SET CLEANUP(moduleset_free)

/* Finds the modules with these names or aliases (- and _ are the same) in `directory`, a
 * lib/modules/VERSION that depmod has been run on, and all that they depend on, softly too. What
 * is built into the kernel needs no module. Links lead no further than `root`, the directory that
 * the tree begins with; "" is the host's own. `checked`: the guest's kernel will check the modules'
 * signatures; what does that fastest is found as well. 0, or a negative errno with the reason. */
int moduleset_find(struct module_set *set, const char *root, const char *directory,
                   const struct strv *names, bool checked, struct error *e);

void moduleset_free(struct module_set *set);

/* A file that libkmod reads beside the modules. */
struct module_file {
    const char *name;
    char *content; /* owned */
    size_t size;
};

/* The number of files that moduleset_files() makes. */
#define MODULE_FILES 6

/* The files for the set, by name; those about what is built in come from `directory`. 0, or a
 * negative errno; the contents are to be freed either way. */
int moduleset_files(const struct module_set *set, const char *root, const char *directory,
                    struct module_file files[MODULE_FILES], struct error *e);
