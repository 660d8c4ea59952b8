/* SPDX-License-Identifier: MIT */
#include "host/initrd/lazylibs.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "host/system/process.h"

#ifndef RUN_VM_LIBARCHIVE /* a path, or a name for the dynamic loader */
#define RUN_VM_LIBARCHIVE "libarchive.so.13"
#endif

struct function {
    const char *name;
    size_t offset; /* in the library's struct */
};

#define ARCHIVE_ROW(name) {#name, offsetof(struct archive_library, name)},

static const struct function archive_functions[] = {ARCHIVE_FUNCTIONS(ARCHIVE_ROW)};

static int load(void *library, const char *file, const char *package,
                const struct function *functions, size_t count, struct error *e)
{
    void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    bool complete = handle;
    for (size_t i = 0; complete && i < count; i++) {
        void *address = dlsym(handle, functions[i].name);
        *(void **)((char *)library + functions[i].offset) = address;
        complete = address;
    }
    if (complete)
        return 0;
    (void)error_set(e, -ENOENT, "%s; Debian has it in the package %s", dlerror(), package);
    return error_status(e, -ENOENT, STATUS_UNAVAILABLE);
}

const struct archive_library *lazylibs_archive(struct error *e)
{
    static struct archive_library library;
    static bool loaded;
    if (!loaded)
        loaded = load(&library, RUN_VM_LIBARCHIVE, "libarchive13", archive_functions,
                      ELEMENTS(archive_functions), e) == 0;
    return loaded ? &library : NULL;
}
