/* SPDX-License-Identifier: MIT */
/* Any modprobe.d and kernel command line, read by libkmod as in init. For any blacklists, aliases,
 * options, softdeps and installs in them, looking modules up and inserting them terminates, no
 * module is inserted twice, and no command is run.
 *
 * The input is the text of modprobe.d; the part after its first zero byte is also the kernel's
 * command line.
 *
 * libkmod's system calls are answered here (see the linker's --wrap in the Makefile), from files in
 * memory: some sixty real system calls would take most of the time of an execution. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "host/initrd/moduleindex.h"
#include "init/devices/modules.h"
#include "tests/fuzz/arena.h"

#define KERNEL           "fuzz"
#define DIRECTORY        MODULES_DIRECTORY "/" KERNEL
#define FIRST_DESCRIPTOR 100000 /* above all real ones */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int __wrap_open(const char *path, int flags, ...);
int __wrap_close(int descriptor);
int __real_close(int descriptor);
int __wrap_stat(const char *path, struct stat *s);
int __real_stat(const char *path, struct stat *s);
int __wrap_fstat(int descriptor, struct stat *s);
ssize_t __wrap_read(int descriptor, void *buffer, size_t size);
FILE *__wrap_fdopen(int descriptor, const char *mode);
FILE *__real_fdopen(int descriptor, const char *mode);
void *__wrap_mmap(void *where, size_t size, int protection, int flags, int descriptor, off_t start);
int __wrap_munmap(void *where, size_t size);
int __wrap_uname(struct utsname *kernel);
long __wrap_syscall(long number, ...);
int __wrap_system(const char *command);

enum {
    MODPROBE_D,
    COMMAND_LINE,
    KERNEL_DIRECTORY,
    MODULE_A,
    MODULE_B,
    STATE_A,
    STATE_B,
    DEP,
    ALIAS,
    SYMBOLS,
    BUILTIN,
    BUILTIN_ALIAS,
    FILES,
};

static struct file {
    const char *path;
    const char *bytes; /* NULL: the file does not exist */
    size_t size;
    size_t position;
} files[FILES] = {
    [MODPROBE_D] = {.path = "/etc/modprobe.d"},
    [COMMAND_LINE] = {.path = "/proc/cmdline"},
    [KERNEL_DIRECTORY] = {.path = DIRECTORY, .bytes = ""},
    [MODULE_A] = {.path = DIRECTORY "/vmfuzz-a.ko", .bytes = ""},
    [MODULE_B] = {.path = DIRECTORY "/vmfuzz_b.ko", .bytes = ""},
    [STATE_A] = {.path = "/sys/module/vmfuzz_a/initstate"},
    [STATE_B] = {.path = "/sys/module/vmfuzz_b/initstate"},
    [DEP] = {.path = DIRECTORY "/modules.dep.bin"},
    [ALIAS] = {.path = DIRECTORY "/modules.alias.bin"},
    [SYMBOLS] = {.path = DIRECTORY "/modules.symbols.bin"},
    [BUILTIN] = {.path = DIRECTORY "/modules.builtin.bin"},
    [BUILTIN_ALIAS] = {.path = DIRECTORY "/modules.builtin.alias.bin"},
};

static const struct {
    int file;
    const char *key;
    const char *value;
} entries[] = {
    {DEP, "vmfuzz_a", "vmfuzz-a.ko: vmfuzz_b.ko"},
    {DEP, "vmfuzz_b", "vmfuzz_b.ko:"},
    {ALIAS, "virtio:d0000002Av*", "vmfuzz_a"},
    {BUILTIN, "vmfuzz_c", ""},
};

/* libFuzzer's own calls arrive here too, outside of an execution. */
static bool executing;

static struct file *find(const char *path)
{
    for (size_t i = 0; i < FILES; i++)
        if (files[i].bytes && streq(files[i].path, path))
            return &files[i];
    errno = ENOENT;
    return NULL;
}

/* NULL: a real one */
static struct file *file_of(int descriptor)
{
    return descriptor < FIRST_DESCRIPTOR ? NULL : &files[descriptor - FIRST_DESCRIPTOR];
}

static int describe(const struct file *file, struct stat *s)
{
    if (!file)
        return -1;
    *s = (struct stat){.st_mode = S_IFREG | 0644, .st_size = (off_t)file->size};
    return 0;
}

static ssize_t take(void *cookie, char *buffer, size_t size)
{
    struct file *file = cookie;
    size_t rest = file->size - file->position;
    size_t count = size < rest ? size : rest;
    if (count > 0)
        (void)memcpy(buffer, file->bytes + file->position, count);
    file->position += count;
    return (ssize_t)count;
}

int __wrap_open(const char *path, int flags, ...)
{
    struct file *file = find(path);
    must(flags == (O_RDONLY | O_CLOEXEC));
    if (!file)
        return -1;
    file->position = 0;
    return FIRST_DESCRIPTOR + (int)(file - files);
}

int __wrap_close(int descriptor)
{
    return file_of(descriptor) ? 0 : __real_close(descriptor);
}

int __wrap_stat(const char *path, struct stat *s)
{
    return executing ? describe(find(path), s) : __real_stat(path, s);
}

int __wrap_fstat(int descriptor, struct stat *s)
{
    return describe(file_of(descriptor), s);
}

ssize_t __wrap_read(int descriptor, void *buffer, size_t size)
{
    return take(file_of(descriptor), buffer, size);
}

FILE *__wrap_fdopen(int descriptor, const char *mode)
{
    static char buffer[BUFSIZ]; /* static, because ASan fills a new buffer first */
    struct file *file = file_of(descriptor);
    if (!file)
        return __real_fdopen(descriptor, mode);
    FILE *stream = fopencookie(file, mode, (cookie_io_functions_t){.read = take});
    must(stream && setvbuf(stream, buffer, _IOFBF, sizeof buffer) == 0);
    return stream;
}

void *__wrap_mmap(void *where, size_t size, int protection, int flags, int descriptor, off_t start)
{
    const struct file *file = file_of(descriptor);
    must(!where && size == file->size && protection == PROT_READ && flags == MAP_PRIVATE && !start);
    return (void *)file->bytes;
}

int __wrap_munmap(void *where, size_t size)
{
    (void)where;
    (void)size;
    return 0;
}

int __wrap_uname(struct utsname *kernel)
{
    *kernel = (struct utsname){.release = KERNEL};
    return 0;
}

/* The kernel accepts each module once. */
long __wrap_syscall(long number, ...)
{
    va_list arguments;
    va_start(arguments, number);
    const struct file *module = file_of(va_arg(arguments, int));
    const char *options = va_arg(arguments, const char *);
    va_end(arguments);
    must(number == SYS_finit_module && module && strlen(options) < SIZE_MAX);
    struct file *state = &files[module - files + STATE_A - MODULE_A];
    must(!state->bytes);
    state->bytes = "live\n";
    state->size = strlen(state->bytes);
    return 0;
}

/* libkmod would call this to run an "install" command. */
int __wrap_system(const char *command)
{
    (void)command;
    abort();
}

static void make_index(int file)
{
    struct module_index index = {0};
    for (size_t i = 0; i < ELEMENTS(entries); i++)
        if (entries[i].file == file)
            moduleindex_add(&index, xstrdup(entries[i].key), xstrdup(entries[i].value), 0);
    files[file].bytes = moduleindex_format(&index, &files[file].size);
    moduleindex_free(&index);
}

static void be_silent(enum log_level level, const char *message)
{
    (void)level;
    (void)message;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    for (int i = DEP; i < FILES; i++)
        make_index(i);
    log_set_sink(be_silent);
    log_set_level(LOG_LEVEL_DEBUG);
    stderr = fuzz_nowhere(); /* for libkmod's messages; libFuzzer and ASan do not use the stream */
    return 0;
}

static void set_content(int file, const uint8_t *bytes, size_t size)
{
    files[file].bytes = (const char *)bytes;
    files[file].size = size;
}

static void execute(void)
{
    static const char *const wanted[] = {"vmfuzz_a", "virtio:d0000002Av00001AF4", "vmfuzz_c",
                                         "fs-vmfuzz"};
    struct modules modules CLEANUP_MODULES = {0};
    struct error e CLEANUP_ERROR = {0};
    must(modules_open(&modules, MODULES_DIRECTORY, &e) == 0 && modules.kmod);
    for (size_t i = 0; i < ELEMENTS(wanted); i++)
        (void)modules_load(&modules, wanted[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *zero = size > 0 ? memchr(data, '\0', size) : NULL;
    set_content(MODPROBE_D, size > 0 ? data : (const uint8_t *)"", size);
    set_content(COMMAND_LINE, zero ? zero + 1 : NULL, zero ? size - (size_t)(zero + 1 - data) : 0);
    set_content(STATE_A, NULL, 0);
    set_content(STATE_B, NULL, 0);
    executing = true;
    arena_begin();
    execute();
    arena_end();
    executing = false;
    return 0;
}
