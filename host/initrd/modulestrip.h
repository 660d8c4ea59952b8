/* SPDX-License-Identifier: MIT */
/* Strips modules of everything that they do not need to run, which halves their size and the work
 * of relocating them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct module_content {
    char *data; /* owned */
    size_t size;
};

/* Returns the path of a strip for modules of a processor, as in CPU-linux, or of run-vm's own if
 * `cpu` is NULL: binutils' for that processor, LLVM's, or the machine's. The caller frees; NULL:
 * there is none. */
char *modulestrip_program(const char *cpu);

/* Strips the unsigned modules, or all with `signed_too`, by the program. `directory` is for
 * temporary files, which are removed. With a program that does not know the modules' processor, the
 * modules stay unchanged, and 0 is returned. Otherwise returns 0, or a negative errno with the
 * reason; the modules can be used in that case, too. */
int modulestrip_all(struct module_content *modules, size_t count, bool signed_too,
                    const char *program, const char *directory, struct error *e);
