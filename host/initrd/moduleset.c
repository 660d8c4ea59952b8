/* SPDX-License-Identifier: MIT */
#include "host/initrd/moduleset.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/file.h"
#include "base/text.h"
#include "host/initrd/moduleindex.h"
#include "host/initrd/modulesign.h"
#include "host/initrd/modulesource.h"
#include "host/system/path.h"
#include "host/system/shell.h"

/* Prefix of the aliases of crypto algorithms (MODULE_ALIAS_CRYPTO). */
#define CRYPTO "crypto-"

/* Limits. A kernel has some 5,000 modules in all, and far fewer soft dependencies. */
#define MODULES_MAX  10000
#define SOFTDEPS_MAX 10000

struct search {
    struct module_source source;
    struct module_set *set;
    size_t softdeps; /* looked up so far */
};

static bool has(const struct module_set *set, const char *name)
{
    for (size_t i = 0; i < set->count; i++)
        if (streq(set->items[i].name, name))
            return true;
    return false;
}

/* Returns the path without the suffix of a compression; the caller frees. */
static char *path_in_guest(const char *path)
{
    const char *end = path;
    for (const char *suffix = path; (suffix = strstr(suffix, ".ko")); suffix++)
        end = suffix + strlen(".ko");
    return xstrndup(path, end > path ? (size_t)(end - path) : strlen(path));
}

/* Returns the name of the module in this file, as libkmod derives it; the caller frees. */
static char *module_name(const char *path)
{
    char *name = xstrdup(text_after_last(path, '/'));
    name[strcspn(name, ".")] = '\0';
    for (char *p = name; (p = strchr(p, '-'));)
        *p = '_';
    return name;
}

/* Makes a path from depmod's index, which may be absolute, relative to the directory. Returns NULL
 * if it leads out of the directory: it is no module of this kernel. */
static const char *path_below_directory(const char *path, const char *directory)
{
    size_t length = strlen(directory);
    if (strncmp(path, directory, length) == 0 && path[length] == '/')
        path += length + strspn(path + length, "/");
    bool leads_up = startswith(path, "../") || strstr(path, "/../");
    return *path == '/' || leads_up ? NULL : path;
}

/* Adds the module of this name, if there is one. Its dependencies are added later. */
static int add(struct search *s, const char *name, struct error *e)
{
    struct module_set *set = s->set;
    const char *needs = modulesource_needs(&s->source, name);
    if (!needs || has(set, name))
        return 0;
    char *listed CLEANUP_FREE = xstrndup(needs, strcspn(needs, ":"));
    const char *path = path_below_directory(listed, s->source.directory);
    if (!path)
        return error_set(e, -EINVAL, "%s/modules.dep.bin: the module %s is at %s, outside of it",
                         s->source.directory, name, listed);
    if (set->count == MODULES_MAX)
        return error_set(e, -E2BIG, "%s: more than %d modules are needed", s->source.directory,
                         MODULES_MAX);
    char *file CLEANUP_FREE = xasprintf("%s/%s", s->source.directory, path);
    char *found = NULL;
    int r = path_below(&found, s->source.root, file, e);
    if (r < 0)
        return error_context(e, r, "module %s", name);
    const struct module added = {.name = xstrdup(name), .file = found, .path = path_in_guest(path)};
    ARRAY_PUSH(set->items, set->count, added);
    return 0;
}

/* Adds the modules with this name or alias. Returns 1, 0 if there is none, or a negative errno. */
static int add_named(struct search *s, const char *name, struct error *e)
{
    struct strv names CLEANUP_STRV = {0};
    if (!modulesource_match(&s->source, name, &names))
        return 0;
    int r = 0;
    for (size_t i = 0; r == 0 && i < names.count; i++)
        r = add(s, names.items[i], e);
    return r < 0 ? r : 1;
}

/* Adds the module's dependencies. Reads their line from its end, as libkmod does. */
static int add_needs(struct search *s, size_t at, struct error *e)
{
    const char *line = modulesource_needs(&s->source, s->set->items[at].name);
    struct strv paths CLEANUP_STRV = {0};
    struct strv names = {0};
    int r = 0;
    strv_split(&paths, line + strcspn(line, ":"), ' ');
    for (size_t i = paths.count; i-- > 1;)
        if (*paths.items[i])
            strv_take(&names, module_name(paths.items[i]));
    for (size_t i = 0; r == 0 && i < names.count; i++)
        r = add(s, names.items[i], e);
    s->set->items[at].needs = names;
    return r;
}

/* Adds the modules of a soft dependency, "pre: NAME… post: NAME…". */
static int add_softdep(struct search *s, const char *softdep, struct error *e)
{
    struct strv words CLEANUP_STRV = {0};
    strv_split(&words, softdep, ' ');
    int r = 0;
    for (size_t i = 0; r >= 0 && i < words.count; i++) {
        const char *word = words.items[i];
        if (!*word || word[strlen(word) - 1] == ':')
            continue;
        if (s->softdeps++ == SOFTDEPS_MAX)
            return error_set(e, -E2BIG, "%s/modules.softdep: more than %d names are needed",
                             s->source.directory, SOFTDEPS_MAX);
        r = add_named(s, word, e);
    }
    return r < 0 ? r : 0;
}

/* Adds the module's soft dependencies. Of several lines for one module the first is used, as by
 * libkmod in the guest. */
static int add_softdeps(struct search *s, size_t at, struct error *e)
{
    const struct strv *softdeps = &s->source.softdeps;
    for (size_t i = 0; i < softdeps->count; i += 2)
        if (streq(softdeps->items[i], s->set->items[at].name))
            return add_softdep(s, softdeps->items[i + 1], e);
    return 0;
}

/* Adds the modules that compute the hash of the modules' signatures; a kernel's modules are all
 * signed alike, or none is. The built-in implementation is written in C; one that uses the
 * processor's own instructions shortens the guest's whole boot by a fifth. */
static int add_checker(struct search *s, struct error *e)
{
    const char *hash = s->set->count > 0 ? modulesign_hash_of_file(s->set->items[0].file) : NULL;
    char *alias CLEANUP_FREE = hash ? xasprintf(CRYPTO "%s", hash) : NULL;
    return alias ? add_named(s, alias, e) : 0;
}

/* Adds all dependencies of the modules from index `from` on, and of the modules thus added. */
static int add_all_needs(struct search *s, size_t from, struct error *e)
{
    int r = 0;
    for (size_t i = from; r == 0 && i < s->set->count; i++) {
        r = add_needs(s, i, e);
        if (r == 0)
            r = add_softdeps(s, i, e);
    }
    return r;
}

static int search(struct search *s, const struct strv *names, bool checked, struct error *e)
{
    int r = 0;
    for (size_t i = 0; r >= 0 && i < names->count; i++) {
        r = add_named(s, names->items[i], e);
        if (r == 0)
            strv_push(&s->set->missing, names->items[i]);
    }
    if (r >= 0)
        r = add_all_needs(s, 0, e);
    size_t before = s->set->count;
    if (r == 0 && checked)
        r = add_checker(s, e);
    return r < 0 ? r : add_all_needs(s, before, e);
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

/* Numbers the modules in the order of the kernel's build, as depmod does; modules that are not in
 * it come last. */
static void set_order(struct module_set *set, const char *root, const char *directory)
{
    size_t size = 0;
    char *text CLEANUP_FREE = modulesource_read(root, directory, "modules.order", &size, NULL);
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

/* Parses a line "alias PATTERN NAME". */
static void take_alias(const struct module_set *set, char *line)
{
    char *name = strrchr(line, ' ');
    struct module *module = name ? find(set, name + 1) : NULL;
    const char *pattern = startswith(line, "alias ");
    if (!module || !pattern || name < pattern)
        return;
    *name = '\0';
    strv_push(&module->aliases, pattern);
}

/* Parses a line "softdep NAME pre: NAME… post: NAME…". */
static void take_softdep(const struct module_set *set, char *line)
{
    char *rest = line;
    const char *word = strsep(&rest, " ");
    char *name = strsep(&rest, " ");
    struct module *module = name ? find(set, name) : NULL;
    if (module && rest && streq(word, "softdep"))
        strv_push(&module->softdeps, rest);
}

/* Passes each line of a file from depmod to `take`. */
static int read_lines(const struct module_set *set, const struct module_source *source,
                      const char *name, void (*take)(const struct module_set *set, char *line),
                      struct error *e)
{
    size_t size = 0;
    char *text CLEANUP_FREE = modulesource_read(source->root, source->directory, name, &size, e);
    if (!text)
        return -EIO;
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));)
        take(set, line);
    return 0;
}

/* Returns the command that makes the indexes of lib/modules/VERSION; the caller frees. Returns NULL
 * for another directory, in which depmod does not look for modules. */
static char *depmod_command(const char *directory)
{
    static const char parent[] = "/lib/modules";
    char *path CLEANUP_FREE = xstrdup(directory);
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        path[--length] = '\0';
    char *version = strrchr(path, '/');
    if (!version || (size_t)(version - path) < strlen(parent) ||
        strncmp(version - strlen(parent), parent, strlen(parent)) != 0)
        return NULL;
    *version++ = '\0';
    path[strlen(path) - strlen(parent)] = '\0';
    char *base CLEANUP_FREE = shell_quote(*path ? path : "/");
    char *quoted CLEANUP_FREE = shell_quote(version);
    return xasprintf("depmod -b %s %s", base, quoted);
}

/* Checks that the directory has indexes, without which no module is found. */
static int check_directory(const char *root, const char *directory, struct error *e)
{
    char *index CLEANUP_FREE = xasprintf("%s/modules.dep.bin", directory);
    char *found CLEANUP_FREE = NULL;
    if (path_below(&found, root, index, NULL) == 0 && access(found, R_OK) == 0)
        return 0;
    int number = errno;
    if (access(directory, F_OK) < 0)
        return error_errno(e, errno, "modules directory %s", directory);
    char *why CLEANUP_FREE = xstrdup(strerror(number));
    char *command CLEANUP_FREE = depmod_command(directory);
    return error_set(e, -number, "%s: cannot be read: %s; %s%s", index, why,
                     command ? "make it with: "
                             : "expected the directory lib/modules/VERSION of a "
                               "kernel, in which depmod has been run",
                     command ? command : "");
}

static int find_modules(struct search *s, const char *root, const char *directory,
                        const struct strv *names, bool checked, struct error *e)
{
    struct module_set *set = s->set;
    int r = modulesource_open(&s->source, root, directory, e);
    if (r == 0)
        r = search(s, names, checked, e);
    if (r < 0)
        return r;
    set_order(set, root, directory);
    if (set->count > 0)
        qsort(set->items, set->count, sizeof *set->items, by_name);
    r = read_lines(set, &s->source, "modules.alias", take_alias, e);
    return r < 0 ? r : read_lines(set, &s->source, "modules.softdep", take_softdep, e);
}

int moduleset_find(struct module_set *set, const char *root, const char *directory,
                   const struct strv *names, bool checked, struct error *e)
{
    *set = (struct module_set){0};
    struct search s = {.set = set};
    int r = check_directory(root, directory, e);
    if (r == 0)
        r = find_modules(&s, root, directory, names, checked, e);
    modulesource_close(&s.source);
    return r;
}

void moduleset_free(struct module_set *set)
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

/* Formats the dependencies as "PATH: PATH PATH", which libkmod reads from the end. */
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

static char *format_needs_index(const struct module_set *set, size_t *size)
{
    struct module_index index = {0};
    for (size_t i = 0; i < set->count; i++)
        moduleindex_add(&index, xstrdup(set->items[i].name), format_needs(set, &set->items[i]),
                        set->items[i].order);
    char *content = moduleindex_format(&index, size);
    moduleindex_free(&index);
    return content;
}

static char *format_alias_index(const struct module_set *set, size_t *size)
{
    struct module_index index = {0};
    for (size_t i = 0; i < set->count; i++)
        for (size_t j = 0; j < set->items[i].aliases.count; j++) {
            char *pattern = modulesource_normalize(set->items[i].aliases.items[j]);
            if (pattern)
                moduleindex_add(&index, pattern, xstrdup(set->items[i].name), set->items[i].order);
        }
    char *content = moduleindex_format(&index, size);
    moduleindex_free(&index);
    return content;
}

/* True for a crypto algorithm. The kernel requests one itself when it has none; as a soft
 * dependency it would load every module that implements it. */
static bool is_algorithm(const struct module_set *set, const char *word)
{
    char *alias CLEANUP_FREE = xasprintf("%s%s", startswith(word, CRYPTO) ? "" : CRYPTO, word);
    for (size_t i = 0; i < set->count; i++)
        if (strv_contains(&set->items[i].aliases, alias))
            return true;
    return false;
}

/* Returns a soft dependency without crypto algorithms, or NULL if nothing is left; the caller
 * frees. */
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
    return moduleindex_format(&index, size);
}

/* Reads a file of the modules directory; an absent one is replaced by an empty index. */
static int read_index(const char *root, const char *directory, struct module_file *file,
                      struct error *e)
{
    char *path CLEANUP_FREE = xasprintf("%s/%s", directory, file->name);
    char *found CLEANUP_FREE = NULL;
    if (path_below(&found, root, path, NULL) < 0 || access(found, F_OK) < 0) {
        file->content = format_empty_index(NULL, &file->size);
        return 0;
    }
    file->content = file_read(found, FILE_LIMIT, &file->size, e);
    return file->content ? 0 : -EIO;
}

int moduleset_files(const struct module_set *set, const char *root, const char *directory,
                    struct module_file files[MODULE_FILES], struct error *e)
{
    /* kmod_load_resources() fails if one of these is missing; every lookup then reopens the
     * indexes */
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
            result = read_index(root, directory, &files[i], e);
    }
    return result;
}
