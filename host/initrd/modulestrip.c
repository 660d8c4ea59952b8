/* SPDX-License-Identifier: MIT */
#include "host/initrd/modulestrip.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/log.h"
#include "host/initrd/ftrace.h"
#include "host/initrd/modulesign.h"
#include "host/system/process.h"
#include "host/system/tree.h"

static char *file_of(const char *directory, size_t i)
{
    return xasprintf("%s/%zu.ko", directory, i);
}

/* Replaces a module by strip's output. */
static int read_module(const char *path, struct module_content *module, struct error *e)
{
    size_t size = 0;
    char *data CLEANUP_FREE = file_read(path, FILE_LIMIT, &size, e);
    if (!data)
        return -EIO;
    if (size == 0 || size > module->size)
        return 0;
    free(module->data);
    *module = (struct module_content){.data = TAKE(data), .size = size};
    ftrace_remove(module->data, module->size);
    return 0;
}

/* Sections that are not needed. The unwinding tables cause half of all relocations; without them a
 * stack trace marks the frames inside the module as uncertain, nothing more. The tables for tracers
 * take half of the remaining time: the kernel makes files for each event and rewrites the start of
 * each function. */
static const char *const unneeded[] = {
    ".comment",         ".orc_unwind",        ".orc_unwind_ip",   ".BTF",
    "__mcount_loc",     "__tracepoints_ptrs", "__bpf_raw_tp_map", "_ftrace_events",
    "_ftrace_eval_map",
};

char *modulestrip_program(const char *cpu)
{
    char *of_target CLEANUP_FREE = xasprintf("%s-linux-gnu-strip", cpu ? cpu : "");
    const char *names[] = {of_target, "llvm-strip", "strip"};
    char *found = NULL;

    for (size_t i = cpu ? 0 : 2; i < ELEMENTS(names) && !found; i++)
        found = process_find(names[i], NULL);
    return found;
}

static int run_strip(const char *program, const char *directory, const bool *chosen, size_t count,
                     struct error *e)
{
    struct strv argv CLEANUP_STRV = {0};
    strv_push(&argv, program);
    strv_push(&argv, "--strip-unneeded");
    for (size_t i = 0; i < ELEMENTS(unneeded); i++)
        strv_pushf(&argv, "--remove-section=%s", unneeded[i]);
    strv_push(&argv, "--");
    for (size_t i = 0; i < count; i++)
        if (chosen[i])
            strv_take(&argv, file_of(directory, i));
    const struct process strip = {.argv = &argv, .input = -1, .output = -1, .silent = true};
    return process_run(&strip, e);
}

/* True if all modules are for run-vm's own processor, which every strip supports. */
static bool are_native(const struct module_content *modules, const bool *chosen, size_t count)
{
    enum { MACHINE = offsetof(Elf64_Ehdr, e_machine), MACHINE_END = MACHINE + sizeof(Elf64_Half) };
    char ours[MACHINE_END];
    if (file_read_head("/proc/self/exe", ours, sizeof ours) != sizeof ours)
        return false;
    for (size_t i = 0; i < count; i++)
        if (chosen[i] &&
            (modules[i].size < MACHINE_END || memcmp(modules[i].data, ours, EI_DATA + 1) != 0 ||
             memcmp(modules[i].data + MACHINE, ours + MACHINE, MACHINE_END - MACHINE) != 0))
            return false;
    return true;
}

/* Strips the modules in `scratch`, a new directory. */
static int strip_in(const char *program, const char *scratch, struct module_content *modules,
                    const bool *chosen, size_t count, struct error *e)
{
    int r = tree_make(scratch, 0700, e);
    for (size_t i = 0; r == 0 && i < count; i++) {
        char *path CLEANUP_FREE = file_of(scratch, i);
        if (chosen[i])
            r = file_create_at(AT_FDCWD, path, 0600, modules[i].data, modules[i].size, e);
    }
    if (r < 0)
        return r;
    r = run_strip(program, scratch, chosen, count, e);
    bool refused = r == -EPROTO && e->status < 128; /* strip exited; it was not killed */
    if (refused && !are_native(modules, chosen, count)) {
        log_debug("the modules are not stripped: %s", e->message);
        return 0;
    }
    for (size_t i = 0; r == 0 && i < count; i++) {
        char *path CLEANUP_FREE = file_of(scratch, i);
        r = chosen[i] ? read_module(path, &modules[i], e) : 0;
    }
    return r;
}

int modulestrip_all(struct module_content *modules, size_t count, bool signed_too,
                    const char *program, const char *directory, struct error *e)
{
    char *scratch CLEANUP_FREE = xasprintf("%s/strip", directory);
    bool *chosen CLEANUP_FREE = xcalloc(count, sizeof *chosen);
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        chosen[i] = signed_too || !modulesign_is_signed(modules[i].data, modules[i].size);
        any |= chosen[i];
    }
    if (!any)
        return 0;
    int r = strip_in(program, scratch, modules, chosen, count, e);
    (void)tree_remove(scratch, NULL);
    return r;
}
