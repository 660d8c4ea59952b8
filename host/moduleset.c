/* SPDX-License-Identifier: MIT */
#include "host/moduleset.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/alloc.h"
#include "host/libraries.h"
#include "host/moduleindex.h"
#include "host/unpack.h"

/* What the aliases of the kernel's cryptography begin with (MODULE_ALIAS_CRYPTO). */
#define CRYPTO "crypto-"

struct search {
    const struct kmod_library *kmod;
    struct kmod_ctx *context;
    const char *directory;
    struct module_set *set;
};

static bool has(const struct module_set *set, const char *name)
{
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->items[i].name, name) == 0)
            return true;
    return false;
}

/* The part below the modules directory, without the suffix of a compression. */
static char *path_in_guest(const char *file, const char *directory)
{
    size_t length = strlen(directory);
    const char *path = strncmp(file, directory, length) == 0 ? file + length : file;
    path += strspn(path, "/");
    const char *end = path;
    for (const char *suffix = path; (suffix = strstr(suffix, ".ko")); suffix++)
        end = suffix + strlen(".ko");
    return xstrndup(path, end > path ? (size_t)(end - path) : strlen(path));
}

static void add_list(const struct search *s, struct kmod_list *list, struct strv *names);

/* Adds a module that is not built in, then what it depends on. */
static void add(const struct search *s, struct kmod_module *found)
{
    const struct kmod_library *kmod = s->kmod;
    const char *file = kmod->kmod_module_get_path(found);
    const char *name = kmod->kmod_module_get_name(found);
    if (!file || has(s->set, name))
        return;
    struct module module = {
        .name = xstrdup(name), .file = xstrdup(file), .path = path_in_guest(file, s->directory)};
    size_t at = s->set->count++;
    s->set->items = xreallocarray(s->set->items, s->set->count, sizeof *s->set->items);
    s->set->items[at] = module;

    struct strv needs = {0};
    add_list(s, kmod->kmod_module_get_dependencies(found), &needs);
    s->set->items[at].needs = needs;
    struct kmod_list *before = NULL;
    struct kmod_list *after = NULL;
    if (kmod->kmod_module_get_softdeps(found, &before, &after) == 0) {
        add_list(s, before, NULL);
        add_list(s, after, NULL);
    }
}

/* Adds every module of a list and frees it; `names`, where it is wanted, gets their names. */
static void add_list(const struct search *s, struct kmod_list *list, struct strv *names)
{
    for (struct kmod_list *i = list; i; i = s->kmod->kmod_list_next(list, i)) {
        struct kmod_module *found = s->kmod->kmod_module_get_module(i);
        if (names)
            strv_push(names, s->kmod->kmod_module_get_name(found));
        add(s, found);
        (void)s->kmod->kmod_module_unref(found);
    }
    (void)s->kmod->kmod_module_unref_list(list);
}

/* Adds what has this name or alias; false: nothing has. */
static bool add_named(const struct search *s, const char *name)
{
    struct kmod_list *found = NULL;
    /* one with a "[" that is longer than its buffer makes libkmod write over the end of that */
    if (strlen(name) >= PATH_MAX ||
        s->kmod->kmod_module_new_from_lookup(s->context, name, &found) < 0 || !found)
        return false;
    add_list(s, found, NULL);
    return true;
}

/* The hash that a module's signature is made of, as an alias; the caller frees. NULL: not signed.
 */
static char *signature_hash(const struct search *s, const char *file)
{
    const struct kmod_library *kmod = s->kmod;
    struct kmod_module *module = NULL;
    struct kmod_list *facts = NULL;
    char *alias = NULL;
    if (kmod->kmod_module_new_from_path(s->context, file, &module) < 0)
        return NULL;
    (void)kmod->kmod_module_get_info(module, &facts);
    for (struct kmod_list *i = facts; i && !alias; i = kmod->kmod_list_next(facts, i))
        if (strcmp(kmod->kmod_module_info_get_key(i), "sig_hashalgo") == 0)
            alias = xasprintf(CRYPTO "%s", kmod->kmod_module_info_get_value(i));
    kmod->kmod_module_info_free_list(facts);
    (void)kmod->kmod_module_unref(module);
    return alias;
}

/* A kernel's modules are all signed alike, or none is. The hash that is built in is written in C;
 * with the processor's own instructions the guest's whole boot takes a fifth less. */
static void add_checker(const struct search *s)
{
    char *hash CLEANUP_FREE = s->set->count > 0 ? signature_hash(s, s->set->items[0].file) : NULL;
    if (hash)
        (void)add_named(s, hash);
}

static int by_name(const void *left, const void *right)
{
    const struct module *a = left;
    const struct module *b = right;
    return strcmp(a->name, b->name);
}

static int by_path(const void *left, const void *right)
{
    const struct module *a = left;
    const struct module *b = right;
    return strcmp(a->path, b->path);
}

/* The order of the kernel's build, as depmod has it; modules that are not in it come last. */
static void set_order(struct module_set *set, const char *directory)
{
    char *file CLEANUP_FREE = xasprintf("%s/modules.order", directory);
    size_t size = 0;
    char *text CLEANUP_FREE = unpack_read_file(file, &size, NULL);
    for (size_t i = 0; i < set->count; i++)
        set->items[i].order = UINT32_MAX;
    if (!text || set->count == 0)
        return;
    qsort(set->items, set->count, sizeof *set->items, by_path);
    uint32_t line = 0;
    char *rest = text;
    for (char *path; (path = strsep(&rest, "\n")); line++) {
        struct module wanted = {.path = path};
        struct module *found =
            bsearch(&wanted, set->items, set->count, sizeof *set->items, by_path);
        if (found)
            found->order = line;
    }
}

static struct module *find(const struct module_set *set, char *name)
{
    struct module wanted = {.name = name};
    return set->count == 0 ? NULL
                           : bsearch(&wanted, set->items, set->count, sizeof *set->items, by_name);
}

/* "alias PATTERN NAME" */
static void take_alias(const struct module_set *set, char *line)
{
    char *name = strrchr(line, ' ');
    struct module *module = name ? find(set, name + 1) : NULL;
    if (!module || strncmp(line, "alias ", 6) != 0 || name < line + 6)
        return;
    *name = '\0';
    strv_push(&module->aliases, line + 6);
}

/* "softdep NAME pre: NAME… post: NAME…" */
static void take_softdep(const struct module_set *set, char *line)
{
    char *rest = line;
    const char *word = strsep(&rest, " ");
    char *name = strsep(&rest, " ");
    struct module *module = name ? find(set, name) : NULL;
    if (module && rest && strcmp(word, "softdep") == 0)
        strv_push(&module->softdeps, rest);
}

/* Has each line of a file that depmod wrote taken. */
static int read_lines(const struct module_set *set, const char *directory, const char *name,
                      void (*take)(const struct module_set *set, char *line), struct error *e)
{
    char *file CLEANUP_FREE = xasprintf("%s/%s", directory, name);
    size_t size = 0;
    char *text CLEANUP_FREE = unpack_read_file(file, &size, e);
    if (!text)
        return -EIO;
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));)
        take(set, line);
    return 0;
}

/* Without its indexes libkmod finds nothing, and says nothing. */
static int check_directory(const char *directory, struct error *e)
{
    char *index CLEANUP_FREE = xasprintf("%s/modules.dep.bin", directory);
    if (access(index, R_OK) == 0)
        return 0;
    if (access(directory, F_OK) < 0)
        return error_errno(e, errno, "modules directory %s", directory);
    return error_errno(e, errno, "%s: run `depmod -b ROOT VERSION` for these modules", index);
}

int module_set_find(struct module_set *set, const char *directory, const struct strv *names,
                    bool checked, struct error *e)
{
    *set = (struct module_set){0};
    int r = check_directory(directory, e);
    const struct kmod_library *kmod = r == 0 ? libraries_kmod(e) : NULL;
    if (!kmod)
        return r ? r : -ENOENT;
    /* what this machine's modprobe.d says has no meaning for a guest */
    const char *const no_configuration = NULL;
    struct kmod_ctx *context = kmod->kmod_new(directory, &no_configuration);
    if (!context)
        return error_errno(e, ENOMEM, "libkmod");
    kmod->kmod_set_log_priority(context, 0);
    /* maps the indexes, which are else opened and read for every name; works without as well */
    (void)kmod->kmod_load_resources(context);
    struct search search = {kmod, context, directory, set};
    for (size_t i = 0; i < names->count; i++)
        if (!add_named(&search, names->items[i]))
            strv_push(&set->missing, names->items[i]);
    if (checked)
        add_checker(&search);
    (void)kmod->kmod_unref(context);
    set_order(set, directory);
    if (set->count > 0)
        qsort(set->items, set->count, sizeof *set->items, by_name);
    r = read_lines(set, directory, "modules.alias", take_alias, e);
    return r < 0 ? r : read_lines(set, directory, "modules.softdep", take_softdep, e);
}

void module_set_free(struct module_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        struct module *module = &set->items[i];
        free(module->name);
        free(module->file);
        free(module->path);
        strv_free(&module->needs);
        strv_free(&module->aliases);
        strv_free(&module->softdeps);
    }
    free(set->items);
    strv_free(&set->missing);
    *set = (struct module_set){0};
}

/* "PATH: PATH PATH": libkmod reads what a module needs from the end. */
static char *format_needs(const struct module_set *set, const struct module *module)
{
    struct strv paths CLEANUP_STRV = {0};
    strv_pushf(&paths, "%s:", module->path);
    for (size_t i = module->needs.count; i > 0; i--) {
        const struct module *needed = find(set, module->needs.items[i - 1]);
        if (needed)
            strv_push(&paths, needed->path);
    }
    return strv_join(&paths, " ");
}

/* The pattern as libkmod looks for it: dashes are underscores but inside brackets. The caller
 * frees; NULL for a pattern that is none. */
static char *normalize(const char *pattern)
{
    char *text CLEANUP_FREE = xstrdup(pattern);
    bool inside = false;
    for (char *p = text; *p; p++) {
        if (*p == '[' || *p == ']') {
            if (inside == (*p == '['))
                return NULL;
            inside = !inside;
        } else if (!isascii(*p)) {
            return NULL;
        } else if (*p == '-' && !inside) {
            *p = '_';
        }
    }
    return inside ? NULL : TAKE(text);
}

static char *format_needs_index(const struct module_set *set, size_t *size)
{
    struct module_index index = {0};
    for (size_t i = 0; i < set->count; i++)
        module_index_add(&index, xstrdup(set->items[i].name), format_needs(set, &set->items[i]),
                         set->items[i].order);
    char *content = module_index_format(&index, size);
    module_index_free(&index);
    return content;
}

static char *format_alias_index(const struct module_set *set, size_t *size)
{
    struct module_index index = {0};
    for (size_t i = 0; i < set->count; i++)
        for (size_t j = 0; j < set->items[i].aliases.count; j++) {
            char *pattern = normalize(set->items[i].aliases.items[j]);
            if (pattern)
                module_index_add(&index, pattern, xstrdup(set->items[i].name), set->items[i].order);
        }
    char *content = module_index_format(&index, size);
    module_index_free(&index);
    return content;
}

/* Algorithms of the kernel's cryptography: it asks for them itself where none is there.
 * As softdeps all modules that have one would be loaded. */
static bool is_algorithm(const struct module_set *set, const char *word)
{
    bool whole = strncmp(word, CRYPTO, strlen(CRYPTO)) == 0;
    char *alias CLEANUP_FREE = xasprintf("%s%s", whole ? "" : CRYPTO, word);
    for (size_t i = 0; i < set->count; i++)
        if (strv_contains(&set->items[i].aliases, alias))
            return true;
    return false;
}

/* "pre: NAME… post: NAME…" without algorithms; the caller frees. NULL: nothing is left. */
static char *without_algorithms(const struct module_set *set, const char *softdep)
{
    struct strv words CLEANUP_STRV = {0};
    struct strv kept CLEANUP_STRV = {0};
    bool any = false;
    strv_split(&words, softdep, ' ');
    for (size_t i = 0; i < words.count; i++) {
        const char *word = words.items[i];
        bool keyword = *word && word[strlen(word) - 1] == ':';
        if (!keyword && is_algorithm(set, word))
            continue;
        any = any || !keyword;
        strv_push(&kept, word);
    }
    return any ? strv_join(&kept, " ") : NULL;
}

static char *format_softdeps(const struct module_set *set, size_t *size)
{
    struct strv lines CLEANUP_STRV = {0};
    for (size_t i = 0; i < set->count; i++)
        for (size_t j = 0; j < set->items[i].softdeps.count; j++) {
            char *left CLEANUP_FREE = without_algorithms(set, set->items[i].softdeps.items[j]);
            if (left)
                strv_pushf(&lines, "softdep %s %s\n", set->items[i].name, left);
        }
    char *content = strv_join(&lines, "");
    *size = strlen(content);
    return content;
}

static char *format_empty_index(const struct module_set *set, size_t *size)
{
    (void)set;
    struct module_index index = {0};
    return module_index_format(&index, size);
}

/* Reads a file of the kernel's modules directory whole; where there is none, an empty index. */
static int read_index(const char *directory, struct module_file *file, struct error *e)
{
    char *path CLEANUP_FREE = xasprintf("%s/%s", directory, file->name);
    if (access(path, F_OK) < 0) {
        file->content = format_empty_index(NULL, &file->size);
        return 0;
    }
    file->content = unpack_read_file(path, &file->size, e);
    return file->content ? 0 : -EIO;
}

int module_set_files(const struct module_set *set, const char *directory,
                     struct module_file files[MODULE_FILES], struct error *e)
{
    /* libkmod wants them all: without one it gives up keeping any of them open */
    static const struct {
        const char *name;
        char *(*format)(const struct module_set *set, size_t *size); /* NULL: the kernel's */
    } made[MODULE_FILES] = {
        {"modules.alias.bin", format_alias_index},
        {"modules.builtin.alias.bin", NULL},
        {"modules.builtin.bin", NULL},
        {"modules.dep.bin", format_needs_index},
        {"modules.softdep", format_softdeps},
        {"modules.symbols.bin", format_empty_index},
    };
    int result = 0;
    for (size_t i = 0; i < MODULE_FILES; i++) {
        files[i] = (struct module_file){.name = made[i].name};
        if (made[i].format)
            files[i].content = made[i].format(set, &files[i].size);
        else if (result == 0)
            result = read_index(directory, &files[i], e);
    }
    return result;
}
