/* SPDX-License-Identifier: MIT */
#include "host/initrd/initrd.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/log.h"
#include "common/bootconfig.h"
#include "host/initrd/decompress.h"
#include "host/initrd/moduleset.h"
#include "host/initrd/modulestrip.h"
#include "host/system/atomicfile.h"
#include "host/system/path.h"
#include "host/system/process.h"
#include "host/system/progress.h"

/* Version of the format; increased when the same inputs shall give other bytes. */
#define FORMAT 5

/* The archive being written: newc, as in Documentation/driver-api/early-userspace/buffer-format.rst
 * of the kernel. */
struct writer {
    FILE *file;
    const char *path; /* of the initrd, for messages */
    unsigned int inode;
    struct strv directories; /* written so far */
};

static int check(const struct writer *w, bool good, struct error *e)
{
    return good ? 0 : error_errno(e, errno, "%s: cannot be written", w->path);
}

/* Writes bytes and pads them: a header with its name, and a content, end at a multiple of four
 * bytes. */
static bool put(FILE *file, const char *bytes, size_t size, size_t padded)
{
    static const char zeros[4];
    return fwrite(bytes, 1, size, file) == size &&
           fwrite(zeros, 1, -padded % sizeof zeros, file) == -padded % sizeof zeros;
}

/* Writes one member. Times are 0 and inode numbers count up, so that the archive does not depend on
 * this machine. */
static int add(struct writer *w, const char *name, mode_t mode, const char *content, size_t size,
               struct error *e)
{
    /* the only device is /dev/console, needed before anything is mounted on /dev */
    const unsigned int major = S_ISCHR(mode) ? 5 : 0;
    const unsigned int minor = S_ISCHR(mode) ? 1 : 0;
    if (size > UINT32_MAX)
        return error_errno(e, EFBIG, "%s: %s", w->path, name);
    /* magic; inode, mode, user, group, links, time, size; device; device it is; name, checksum */
    int header = fprintf(w->file, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
                         ++w->inode, mode, 0, 0, S_ISDIR(mode) ? 2 : 1, 0, (unsigned int)size, 0, 0,
                         major, minor, (unsigned int)strlen(name) + 1, 0);
    size_t length = strlen(name) + 1;
    return check(w,
                 header > 0 && put(w->file, name, length, (size_t)header + length) &&
                     put(w->file, content, size, size),
                 e);
}

/* Writes a directory and its parents, each once. */
static int add_directory(struct writer *w, const char *name, struct error *e)
{
    if (!*name || strv_contains(&w->directories, name))
        return 0;
    const char *slash = strrchr(name, '/');
    if (slash) {
        char *parent CLEANUP_FREE = xstrndup(name, (size_t)(slash - name));
        int r = add_directory(w, parent, e);
        if (r < 0)
            return r;
    }
    strv_push(&w->directories, name);
    return add(w, name, S_IFDIR | 0755, "", 0, e);
}

static int add_file(struct writer *w, const char *name, mode_t mode, const char *content,
                    size_t size, struct error *e)
{
    const char *slash = strrchr(name, '/');
    char *parent CLEANUP_FREE = slash ? xstrndup(name, (size_t)(slash - name)) : xstrdup("");
    int r = add_directory(w, parent, e);
    return r < 0 ? r : add(w, name, S_IFREG | mode, content, size, e);
}

/* Reads a module and unpacks it: the kernel loads an uncompressed module fastest. `left` is what
 * remains of the limit for all modules. */
static int read_module(const struct module *module, struct module_content *content, size_t *left,
                       struct cache_inputs *inputs, struct error *e)
{
    /* links in the temporary directory may lead to it */
    char *real CLEANUP_FREE = inputs ? realpath(module->file, NULL) : NULL;
    if (inputs)
        cache_input(inputs, real ? real : module->file);
    content->data = decompress_module(module->file, *left, &content->size, e);
    if (!content->data)
        return -EIO;
    *left -= content->size;
    return 0;
}

static int add_contents(struct writer *w, const char *directory, const struct module_set *set,
                        const struct initrd_spec *spec, struct cache_inputs *inputs,
                        struct error *e)
{
    struct module_content *contents CLEANUP_FREE = xcalloc(set->count, sizeof *contents);
    char *scratch CLEANUP_FREE = path_directory(w->path);
    char *strip CLEANUP_FREE = modulestrip_program(spec->cpu);
    struct error failure CLEANUP_ERROR = {0};
    size_t left = DECOMPRESS_LIMIT;
    int r = 0;
    struct progress progress = progress_start("unpacking the initrd's modules, once",
                                              "takes a moment", PROGRESS_ITEMS, set->count);
    for (size_t i = 0; r == 0 && i < set->count; i++) {
        r = read_module(&set->items[i], &contents[i], &left, inputs, e);
        progress_show(&progress, i + 1);
    }
    progress_end(&progress);
    if (r == 0 && strip &&
        modulestrip_all(contents, set->count, spec->strip_signed, strip, scratch, &failure) < 0) {
        log_warning("the modules could not be stripped: %s", failure.message);
        if (inputs)
            inputs->provisional = true;
    }
    for (size_t i = 0; i < set->count; i++) {
        char *name CLEANUP_FREE = xasprintf("%s/%s", directory, set->items[i].path);
        if (r == 0)
            r = add_file(w, name, 0644, contents[i].data, contents[i].size, e);
        free(contents[i].data);
    }
    return r;
}

/* True if the directory says which modules are built into its kernel: a real one has many. */
static bool knows_built_in(const struct initrd_spec *spec)
{
    const char *directory = spec->modules_source ? spec->modules_source : spec->modules_dir;
    char *path CLEANUP_FREE = xasprintf("%s/modules.builtin", directory);
    char *found CLEANUP_FREE = NULL;
    struct stat st;
    return path_below(&found, spec->modules_root, path, NULL) == 0 && stat(found, &st) == 0 &&
           st.st_size > 0;
}

/* Checks that the guest can mount its root. Returns 0, or -ENOENT with the reason. */
static int check_missing(const struct initrd_spec *spec, const struct module_set *set,
                         struct error *e)
{
    struct strv needed CLEANUP_STRV = {0};
    if (set->missing.count == 0)
        return 0;
    char *names CLEANUP_FREE = strv_join(&set->missing, ", ");
    log_debug("%s has no module for: %s", spec->modules_dir, names);
    for (size_t i = 0; i < spec->needed.count && knows_built_in(spec); i++)
        if (strv_contains(&set->missing, spec->needed.items[i]))
            strv_push(&needed, spec->needed.items[i]);
    if (needed.count == 0)
        return 0;
    char *lacking CLEANUP_FREE = strv_join(&needed, ", ");
    return error_set(e, -ENOENT,
                     "%s: lacks %s, without which the guest cannot mount its root: install all of "
                     "this kernel's modules (and run depmod), or name another kernel, such as this "
                     "host's, with --kernel FILE",
                     spec->modules_source ? spec->modules_source : spec->modules_dir, lacking);
}

static int add_module_files(struct writer *w, const char *directory, const struct module_set *set,
                            const struct initrd_spec *spec, struct error *e)
{
    struct module_file files[MODULE_FILES];
    int r = moduleset_files(set, spec->modules_root, spec->modules_dir, files, e);
    for (size_t i = 0; i < MODULE_FILES; i++) {
        char *name CLEANUP_FREE = xasprintf("%s/%s", directory, files[i].name);
        if (r == 0)
            r = add_file(w, name, 0644, files[i].content, files[i].size, e);
        free(files[i].content);
    }
    return r;
}

/* Returns the modules directory in the guest, lib/modules/VERSION; the version is the last
 * component of the host's path. The caller frees. */
static char *guest_directory(const char *modules_dir)
{
    char *version CLEANUP_FREE = path_last_name(modules_dir);
    return xasprintf("lib/modules/%s", version);
}

static int add_modules(struct writer *w, const struct initrd_spec *spec,
                       struct cache_inputs *inputs, struct error *e)
{
    if (!spec->modules_dir)
        return 0;
    struct module_set set CLEANUP_MODULE_SET = {0};
    int r = moduleset_find(&set, spec->modules_root, spec->modules_dir, &spec->modules,
                           !spec->strip_signed, e);
    if (r < 0)
        return r;
    r = check_missing(spec, &set, e);
    if (r < 0)
        return r;
    char *directory CLEANUP_FREE = guest_directory(spec->modules_dir);
    r = add_contents(w, directory, &set, spec, inputs, e);
    return r < 0 ? r : add_module_files(w, directory, &set, spec, e);
}

/* Adds the parameters as a file, for kernels built without bootconfig (Debian's). */
static int add_words(struct writer *w, const struct cmdline *words, struct error *e)
{
    if (words->count == 0)
        return 0;
    char *text CLEANUP_FREE = bootconfig_format(words, e);
    return text ? add_file(w, &BOOTCONFIG_FILE[1], 0644, text, strlen(text), e) : -EINVAL;
}

static int add_everything(struct writer *w, const struct initrd_spec *spec,
                          struct cache_inputs *inputs, struct error *e)
{
    static const char *const directories[] = {"dev", "etc", "proc", "run", "sys"};
    int r = 0;
    for (size_t i = 0; r == 0 && i < ELEMENTS(directories); i++)
        r = add_directory(w, directories[i], e);
    if (r == 0)
        r = add(w, "dev/console", S_IFCHR | 0600, "", 0, e);
    if (r == 0)
        r = add_modules(w, spec, inputs, e);
    if (r == 0)
        r = add_words(w, &spec->words, e);
    if (r < 0)
        return r;
    size_t size = 0;
    char *init CLEANUP_FREE = file_read(spec->init, FILE_LIMIT, &size, e);
    return init ? add_file(w, "init", 0755, init, size, e) : -EIO;
}

/* Appends the parameters after the archive, where the kernel looks for them. */
static int append_bootconfig(struct writer *w, const struct cmdline *words, struct error *e)
{
    if (words->count == 0)
        return 0;
    char *text CLEANUP_FREE = bootconfig_format(words, e);
    if (!text)
        return -EINVAL;
    size_t size = 0;
    char *block CLEANUP_FREE = bootconfig_block(text, (size_t)ftell(w->file), &size);
    return check(w, fwrite(block, 1, size, w->file) == size, e);
}

int initrd_write(const char *path, const struct initrd_spec *spec, struct cache_inputs *inputs,
                 struct error *e)
{
    FILE *file CLEANUP_FCLOSE = fopen(path, "wxe");
    struct writer w = {.file = file, .path = path};
    if (!file)
        return error_errno(e, errno, "%s: cannot be made", path);
    int r = add_everything(&w, spec, inputs, e);
    if (r == 0)
        r = add(&w, "TRAILER!!!", 0, "", 0, e);
    if (r == 0)
        r = append_bootconfig(&w, &spec->words, e);
    strv_free(&w.directories);
    return r < 0 ? r : check(&w, fflush(file) == 0, e);
}

static int make(const char *directory, struct cache_inputs *inputs, void *context, struct error *e)
{
    char *path CLEANUP_FREE = xasprintf("%s/" INITRD_NAME, directory);
    return initrd_write(path, context, inputs, e);
}

/* Adds the files that depmod writes to the key. The modules themselves are inputs. */
static void add_modules_to_key(struct cache_key *key, const struct initrd_spec *spec)
{
    static const char *const files[] = {"modules.dep.bin",           "modules.alias.bin",
                                        "modules.softdep",           "modules.builtin.bin",
                                        "modules.builtin.alias.bin", "modules.order"};
    cache_key_text(key, spec->modules_source ? spec->modules_source : spec->modules_dir);
    for (size_t i = 0; i < ELEMENTS(files); i++) {
        char *path CLEANUP_FREE = xasprintf("%s/%s", spec->modules_dir, files[i]);
        char *found CLEANUP_FREE = NULL;
        cache_key_text(key, files[i]);
        cache_key_identity(key,
                           path_below(&found, spec->modules_root, path, NULL) < 0 ? "" : found);
    }
}

int initrd_get(struct cache_entry *entry, const struct initrd_spec *spec, const char *fallback,
               struct error *e)
{
    struct cache_key key;
    cache_key_start(&key, "initrd", FORMAT);
    cache_key_file(&key, spec->init);
    if (spec->modules_dir)
        add_modules_to_key(&key, spec);
    cache_key_text(&key, spec->strip_signed ? "stripped" : "");
    char *strip CLEANUP_FREE = modulestrip_program(spec->cpu);
    cache_key_file(&key, strip ? strip : "");
    char *count CLEANUP_FREE = xasprintf("%zu modules", spec->modules.count);
    cache_key_text(&key, count);
    for (size_t i = 0; i < spec->modules.count; i++)
        cache_key_text(&key, spec->modules.items[i]);
    for (size_t i = 0; i < spec->needed.count; i++)
        cache_key_text(&key, spec->needed.items[i]);
    for (size_t i = 0; i < spec->words.count; i++) {
        cache_key_text(&key, spec->words.words[i].name);
        cache_key_text(&key, spec->words.words[i].value ? spec->words.words[i].value : "");
    }
    struct initrd_spec copy = *spec;
    const struct cache_request request = {
        .kind = "initrd", .key = &key, .make = make, .context = &copy, .fallback = fallback};
    return cache_get(entry, &request, e);
}
