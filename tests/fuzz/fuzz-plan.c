/* SPDX-License-Identifier: MIT */
/* For any JSON and settings, planning either succeeds or reports problems. No path, wherever it is
 * used, can inject an item into one of QEMU's comma-separated options.
 *
 * The input consists of texts, each ended by a zero byte: JSON; a path; settings. The path is used
 * wherever a path can be, followed by a comma and an item, which QEMU must not see as an item. */
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "host/commands/dryrun.h"
#include "host/config/config.h"
#include "host/config/resolve.h"
#include "host/config/setting.h"
#include "host/plan/build.h"
#include "host/plan/planoptions.h"
#include "tests/fuzz/arena.h"

#define CANARY "canary"
#define ITEM   "," CANARY "=on"

int LLVMFuzzerInitialize(int *argc, char ***argv);

static char directory[] = "/tmp/run-vm-fuzz-XXXXXX";
static FILE *nowhere;

static void make(const char *name, const char *text)
{
    char *path CLEANUP_FREE = xasprintf("%s/%s", directory, name);
    FILE *f CLEANUP_FCLOSE = fopen(path, "we");
    must(f && fputs(text, f) >= 0 && chmod(path, 0755) == 0);
}

static void make_directory(const char *name)
{
    char *path CLEANUP_FREE = xasprintf("%s/%s", directory, name);
    must(mkdir(path, 0755) == 0);
}

static void remove_directory(void)
{
    static const char *const names[] = {"system/kernel",
                                        "system/initrd",
                                        "system/kernel-params",
                                        "system/kernel-modules/lib/modules/6.1.0",
                                        "system/kernel-modules/lib/modules",
                                        "system/kernel-modules/lib",
                                        "system/kernel-modules",
                                        "system",
                                        "bin/qemu-kvm",
                                        "bin/qemu-img",
                                        "bin/qemu-system-aarch64",
                                        "bin",
                                        ""};
    for (size_t i = 0; i < ELEMENTS(names); i++) {
        char *path CLEANUP_FREE = xasprintf("%s/%s", directory, names[i]);
        (void)remove(path);
    }
}

static int append(const char *bytes, size_t count, void *text)
{
    char **whole = text;
    size_t length = strlen(*whole);
    *whole = xreallocarray(*whole, length + count + 1, 1);
    (void)memcpy(*whole + length, bytes, count);
    (*whole)[length + count] = '\0';
    return 0;
}

/* Replaces jansson's function; the result is freed with free(). */
char *json_dumps(const json_t *json, size_t flags)
{
    char *text = xstrdup("");
    if (json_dump_callback(json, append, &text, flags) == 0)
        return text;
    free(text);
    return NULL;
}

/* Makes the files of a system and a QEMU that planning looks at. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const char *const directories[] = {"system",
                                              "system/kernel-modules",
                                              "system/kernel-modules/lib",
                                              "system/kernel-modules/lib/modules",
                                              "system/kernel-modules/lib/modules/6.1.0",
                                              "bin"};
    static const char *const files[] = {"system/kernel", "system/initrd", "bin/qemu-kvm",
                                        "bin/qemu-img", "bin/qemu-system-aarch64"};
    (void)argc;
    (void)argv;
    must(mkdtemp(directory));
    for (size_t i = 0; i < ELEMENTS(directories); i++)
        make_directory(directories[i]);
    for (size_t i = 0; i < ELEMENTS(files); i++)
        make(files[i], "");
    make("system/kernel-params", "loglevel=4\n");
    must(atexit(remove_directory) == 0);
    nowhere = fuzz_nowhere();
    json_set_alloc_funcs(__wrap_malloc, __wrap_free);
    return 0;
}

/* Adds the defaults for the input's JSON, and the path wherever one can be used. */
static void add_own(struct config *config, const char *path)
{
    json_error_t ignored;
    json_t *tree = json_pack_ex(
        &ignored, 0,
        "{s:{s:{s:s+, s:s+}}, s:{s:{s:s, s:[{s:s, s:{s:s}}]}, s:{s:{s:s, s:s}, s:{s:s, s:s}},"
        " s:s, s:s, s:{s:s}, s:[i]}}",
        "system", "build", "toplevel", directory, "/system", "regInfo", directory, "/closure",
        "virtualisation", "qemu", "package", directory, "drives", "file", path, "driveExtraOpts",
        "format", "raw", "sharedDirectories", "one", "source", path, "target", "/one", "two",
        "source", "\"$SHARED_DIR\"", "target", path, "diskImage", path, "efiVars", path, "efi",
        "firmware", path, "vlans", 1);
    if (tree) /* else the path is not UTF-8 */
        config_add_tree(config, "own", tree);
}

/* Reads a list as QEMU does: items between commas; a doubled comma is a literal one. */
static void must_have_no_canary(const char *list)
{
    for (const char *item = list; *item;) {
        must(strncmp(item, CANARY, strlen(CANARY)) != 0);
        while (*item && (item[0] != ',' || item[1] == ','))
            item += item[0] == ',' ? 2 : 1;
        if (*item)
            item++;
    }
}

static void check_arguments(const struct strv *argv)
{
    static const char *const lists[] = {"-drive",  "-device", "-virtfs", "-netdev",
                                        "-net",    "-name",   "-qmp",    "-chardev",
                                        "-global", "-fsdev",  "-object", "-sandbox"};
    for (size_t i = 0; i + 1 < argv->count; i++)
        for (size_t j = 0; j < ELEMENTS(lists); j++)
            if (streq(argv->items[i], lists[j]))
                must_have_no_canary(argv->items[i + 1]);
}

/* True if the user's own arguments for QEMU contain variables, whose commas are not doubled. */
static bool has_variables(const struct config *config, const char *option)
{
    json_t *entry;
    size_t i;
    json_array_foreach (config_get(config, option), i, entry)
        if (json_is_string(entry) && strpbrk(json_string_value(entry), "$~"))
            return true;
    return false;
}

static void plan(struct config *config, const char *path)
{
    char *disk CLEANUP_FREE = xasprintf("NIX_DISK_IMAGE=%s", path);
    char *vars CLEANUP_FREE = xasprintf("NIX_EFI_VARS=%s", path);
    char *shared CLEANUP_FREE = xasprintf("SHARED_DIR=%s", path);
    char *tmp CLEANUP_FREE = xasprintf("TMPDIR=%s", path);
    char *vde CLEANUP_FREE = xasprintf("QEMU_VDE_SOCKET_1=%s", path);
    char *home CLEANUP_FREE = xasprintf("HOME=%s", path);
    char *program CLEANUP_FREE = xasprintf("%s/bin/run-vm", directory);
    char *environment[] = {disk, vars, shared, tmp, "USE_TMPDIR=1", vde, home, NULL};
    struct plan_options options CLEANUP_PLAN_OPTIONS = {.accel = ACCEL_TCG};
    struct surroundings at = {
        .environment = environment, .cwd = directory, .random = "0123456789", .program = program};
    struct plan plan CLEANUP_PLAN = {0};
    struct error e CLEANUP_ERROR = {0};
    options.root_dir = xstrdup(path);
    int r = plan_build(&plan, config, &options, &at, &e);
    must((r < 0) == (config->problems.count > 0 || e.message));
    if (!has_variables(config, "virtualisation.qemu.options") &&
        !has_variables(config, "virtualisation.qemu.networkingOptions"))
        check_arguments(&plan.argv);
    if (r < 0)
        return;
    dryrun_text(&plan, config, nowhere);
    dryrun_json(&plan, config, nowhere);
}

/* An input that contains the canary itself proves nothing. */
static bool is_harmless(const char *text)
{
    return !strstr(text, CANARY) && !strstr(text, "\\u");
}

static void resolve(json_t *tree, const char *name, const struct strv *settings)
{
    char *path CLEANUP_FREE = xasprintf("%s/%s" ITEM, directory, name);
    struct config config CLEANUP_CONFIG = {0};

    config_add_tree(&config, "fuzz", tree);
    for (size_t i = 0; i < settings->count; i++)
        if (is_harmless(settings->items[i]))
            (void)setting_add(&config, settings->items[i], NULL);
    add_own(&config, path);
    if (resolve_config(&config) == 0)
        plan(&config, path);
    else
        must(config.problems.count);
}

static void execute(const uint8_t *data, size_t size)
{
    struct strv texts CLEANUP_STRV = {0};
    for (size_t at = 0; at < size || texts.count < 2;) {
        char *text = fuzz_text(data + at, size - at);
        size_t length = strlen(text) + 1;
        at += length < size - at ? length : size - at;
        strv_take(&texts, text);
    }
    const char *json = texts.items[0];
    const char *name = texts.items[1];
    if (!is_harmless(json) || strstr(name, CANARY) || strchr(name, '/'))
        return; /* or is outside our directory */
    json_t *tree = json_loads(json, 0, NULL);
    if (json_is_object(tree)) {
        struct strv settings = {.items = texts.items + 2, .count = texts.count - 2};
        resolve(tree, name, &settings);
    } else {
        json_decref(tree);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    arena_begin();
    execute(data, size);
    arena_end();
    return 0;
}
