/* SPDX-License-Identifier: MIT */
#include "host/strip.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/log.h"
#include "host/fentry.h"
#include "host/process.h"
#include "host/tree.h"
#include "host/unpack.h"

/* MODULE_SIG_STRING of the kernel's include/linux/module_signature.h. */
static const char signature_end[] = "~Module signature appended~\n";

bool strip_is_signed(const struct module_content *module)
{
    size_t length = strlen(signature_end);
    return module->size > length &&
           memcmp(module->data + module->size - length, signature_end, length) == 0;
}

static char *file_of(const char *directory, size_t i)
{
    return xasprintf("%s/%zu.ko", directory, i);
}

static bool write_module(const char *path, const struct module_content *module)
{
    int fd CLEANUP_CLOSE = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return fd >= 0 && write(fd, module->data, module->size) == (ssize_t)module->size;
}

/* Puts what strip has made of a module in place of it. */
static void read_module(const char *path, struct module_content *module)
{
    size_t size = 0;
    char *data = unpack_read_file(path, &size, NULL);
    if (!data || size == 0 || size > module->size) {
        free(data);
        return;
    }
    free(module->data);
    *module = (struct module_content){.data = data, .size = size};
    fentry_remove(module->data, module->size);
}

/* The unwinding tables are half of all relocations, and without them only the frames of a stack
 * trace inside the module are marked as uncertain. What is for tracers takes half of the time that
 * is left: the kernel makes files for each event, and rewrites the start of each function. */
static const char *const unneeded[] = {
    ".comment",         ".orc_unwind",        ".orc_unwind_ip",   ".BTF",
    "__mcount_loc",     "__tracepoints_ptrs", "__bpf_raw_tp_map", "_ftrace_events",
    "_ftrace_eval_map",
};

static bool run_strip(const char *directory, const bool *chosen, size_t count, struct error *e)
{
    struct strv argv CLEANUP_STRV = {0};
    strv_split(&argv, "strip --strip-unneeded", ' ');
    for (size_t i = 0; i < ELEMENTS(unneeded); i++)
        strv_pushf(&argv, "--remove-section=%s", unneeded[i]);
    strv_push(&argv, "--");
    for (size_t i = 0; i < count; i++)
        if (chosen[i])
            strv_take(&argv, file_of(directory, i));
    const struct process strip = {.argv = &argv, .input = -1, .output = -1, .silent = true};
    return process_run(&strip, e) == 0;
}

void strip_modules(struct module_content *modules, size_t count, bool signed_too,
                   const char *directory)
{
    char *scratch CLEANUP_FREE = xasprintf("%s/strip", directory);
    bool *chosen CLEANUP_FREE = xcalloc(count, sizeof *chosen);
    struct error e CLEANUP_ERROR = {0};
    bool any = false;
    bool good = tree_make(scratch, 0700, &e) == 0;
    for (size_t i = 0; good && i < count; i++) {
        chosen[i] = signed_too || !strip_is_signed(&modules[i]);
        any |= chosen[i];
        char *path CLEANUP_FREE = file_of(scratch, i);
        good = !chosen[i] || write_module(path, &modules[i]);
    }
    good = good && any && run_strip(scratch, chosen, count, &e);
    for (size_t i = 0; good && i < count; i++) {
        char *path CLEANUP_FREE = file_of(scratch, i);
        if (chosen[i])
            read_module(path, &modules[i]);
    }
    if (any && !good)
        log_debug("the modules are not stripped: %s", e.message ? e.message : "cannot be written");
    (void)tree_remove(scratch, NULL);
}
