/* SPDX-License-Identifier: MIT */
/* Any modprobe.d, as init has libkmod read it: whatever it says of blacklists, aliases, options,
 * softdeps and installs, looking modules up and inserting them ends, and no command is run.
 *
 * The modules' files do not exist, so that no kernel gets one. */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <libkmod.h>

#include "common/log.h"
#include "host/moduleindex.h"
#include "tests/fuzz/fuzz.h"

static struct kmod_ctx *open_with_input(const char *directory);

/* init asks for the files where libkmod looks for them; here they are the input. */
#define kmod_new(directory, paths) open_with_input(directory)
#include "init/modules.c" // NOLINT(bugprone-suspicious-include): to stand between it and libkmod
#undef kmod_new

int LLVMFuzzerInitialize(int *argc, char ***argv);
int system(const char *command);

static char directory[] = "/tmp/run-vm-fuzz-XXXXXX";
static char *kernel_directory;
static char *input_path;
static int input;

static const struct {
    const char *file;
    const char *key;
    const char *value;
} indexes[] = {
    {"modules.dep.bin", "vmfuzz_a", "absent/vmfuzz-a.ko: absent/vmfuzz_b.ko"},
    {"modules.dep.bin", "vmfuzz_b", "absent/vmfuzz_b.ko:"},
    {"modules.alias.bin", "virtio:d0000002Av*", "vmfuzz_a"},
    {"modules.softdep", NULL, NULL},
    {"modules.symbols.bin", NULL, NULL},
    {"modules.builtin.bin", "vmfuzz_c", ""},
    {"modules.builtin.alias.bin", NULL, NULL},
};

static struct kmod_ctx *open_with_input(const char *modules)
{
    const char *const paths[] = {input_path, NULL};
    return (kmod_new)(modules, paths);
}

/* In place of libc's: what libkmod would run "install" with. */
int system(const char *command)
{
    (void)command;
    abort();
}

static char *index_path(size_t i)
{
    return xasprintf("%s/%s", kernel_directory, indexes[i].file);
}

static void remove_directory(void)
{
    for (size_t i = 0; i < ELEMENTS(indexes); i++) {
        char *path CLEANUP_FREE = index_path(i);
        (void)unlink(path);
    }
    (void)rmdir(kernel_directory);
    (void)rmdir(directory);
    free(kernel_directory);
    free(input_path);
}

/* The entries that stand together in the table, from the one at `i`; returns where the next are. */
static size_t write_index(size_t i)
{
    struct module_index index = {0};
    char *path CLEANUP_FREE = index_path(i);
    FILE *f CLEANUP_FCLOSE = fopen(path, "we");
    const char *file = indexes[i].file;
    size_t size;
    must(f);
    for (; i < ELEMENTS(indexes) && strcmp(file, indexes[i].file) == 0; i++)
        if (indexes[i].key)
            module_index_add(&index, xstrdup(indexes[i].key), xstrdup(indexes[i].value), 0);
    char *content CLEANUP_FREE = module_index_format(&index, &size);
    must(fwrite(content, 1, size, f) == size);
    module_index_free(&index);
    return i;
}

static void be_silent(enum log_level level, const char *message)
{
    (void)level;
    (void)message;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct utsname kernel;
    (void)argc;
    (void)argv;
    must(uname(&kernel) == 0 && mkdtemp(directory));
    kernel_directory = xasprintf("%s/%s", directory, kernel.release);
    must(mkdir(kernel_directory, 0755) == 0);
    for (size_t i = 0; i < ELEMENTS(indexes);)
        i = write_index(i);
    input = memfd_create("modprobe.conf", MFD_CLOEXEC);
    must(input >= 0 && atexit(remove_directory) == 0);
    input_path = xasprintf("/proc/self/fd/%d", input);
    log_set_sink(be_silent);
    log_set_level(LOG_LEVEL_DEBUG);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const wanted[] = {"vmfuzz_a", "virtio:d0000002Av00001AF4", "vmfuzz_c",
                                         "fs-vmfuzz"};
    struct modules modules CLEANUP_MODULES = {0};
    struct error e CLEANUP_ERROR = {0};
    must(ftruncate(input, 0) == 0 && pwrite(input, data, size, 0) == (ssize_t)size);
    must(modules_open(&modules, directory, &e) == 0 && modules.kmod);
    for (size_t i = 0; i < ELEMENTS(wanted); i++)
        (void)modules_load(&modules, wanted[i]);
    return 0;
}
