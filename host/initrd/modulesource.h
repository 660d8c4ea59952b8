/* SPDX-License-Identifier: MIT */
/* Reads depmod's indexes of a kernel's modules from a tree that need not be trusted: each file is
 * found inside the tree's root, read whole and checked before anything is looked up. */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/strv.h"
#include "host/initrd/moduleindex.h"

struct module_source {
    const char *root; /* of the tree: symlinks are resolved inside it; "": the host's own */
    const char *directory;
    struct module_index needs; /* by a module's name: "PATH: PATH…" */
    struct module_index aliases;
    struct module_index builtin;
    struct module_index builtin_aliases;
    struct strv softdeps; /* NAME and "pre: … post: …", one after the other */
};

/* struct module_source source CLEANUP_MODULE_SOURCE = {0}; */
#define CLEANUP_MODULE_SOURCE CLEANUP(modulesource_close)

/* Reads the indexes in `directory`, lib/modules/VERSION of the tree that has its root at `root`;
 * both must outlast the source. 0, or a negative errno with the file's name and what is wrong. */
int modulesource_open(struct module_source *source, const char *root, const char *directory,
                      struct error *e);

void modulesource_close(struct module_source *source);

/* Reads a file of the modules directory; the caller frees. Returns NULL with the message on
 * error. */
char *modulesource_read(const char *root, const char *directory, const char *name, size_t *size,
                        struct error *e);

/* Returns a name or alias as the indexes spell it, with underscores for dashes outside brackets;
 * the caller frees. Returns NULL if the text is not a valid one. */
char *modulesource_normalize(const char *text);

/* Returns the module's line of modules.dep, "PATH: PATH PATH"; NULL: there is no such module. */
const char *modulesource_needs(const struct module_source *source, const char *name);

/* Appends the names of the modules that have the alias to `names`. True if there is one, or if the
 * kernel has it built in. */
bool modulesource_match(const struct module_source *source, const char *alias, struct strv *names);
