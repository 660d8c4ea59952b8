/* SPDX-License-Identifier: MIT */
#include "host/store/closure.h"

#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "host/system/process.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

/* The real nix-store on a chroot store of its own. */
struct store {
    char *scratch;
    char *prefix;
    char *names[3];
};

/* What a command with the store as $STORE prints, without its newline at the end. */
static char *shell(const struct store *store, const char *command)
{
    struct strv argv CLEANUP_STRV = {0};
    strv_push(&argv, "sh");
    strv_push(&argv, "-c");
    strv_push(&argv, command);
    struct strv environment CLEANUP_STRV = {0};
    strv_pushf(&environment, "STORE=%s", store->prefix);
    struct error e CLEANUP_ERROR = {0};
    const struct process process = {
        .argv = &argv, .cwd = store->scratch, .input = -1, .environment = &environment};
    char *text = process_capture(&process, NULL, &e);
    if (!text)
        fail_msg("%s: %s", command, e.message);
    size_t length = strlen(text);
    if (length > 0 && text[length - 1] == '\n')
        text[length - 1] = '\0';
    return text;
}

static int setup(void **state)
{
    struct store *store = xcalloc(1, sizeof *store);
    store->scratch = scratch_new();
    store->prefix = scratch_path(store->scratch, "a prefix");
    char *cache CLEANUP_FREE = scratch_path(store->scratch, "cache");
    (void)setenv("XDG_CACHE_HOME", cache, 1);
    /* a text that names another path refers to it */
    store->names[0] = shell(store, "echo one > one && nix-store --store \"$STORE\" --add one");
    store->names[1] =
        shell(store, "echo other > other && nix-store --store \"$STORE\" --add other");
    store->names[2] = shell(
        store, "nix-instantiate --read-write-mode --store \"$STORE\" --eval --strict --json "
               "-E 'builtins.toFile \"two\" (builtins.toFile \"below\" \"text\")' | tr -d '\"'");
    *state = store;
    return 0;
}

static int teardown(void **state)
{
    struct store *store = *state;
    scratch_run("chmod", "-R", "u+w", store->scratch);
    scratch_free(&store->scratch);
    free(store->prefix);
    for (size_t i = 0; i < ELEMENTS(store->names); i++)
        free(store->names[i]);
    free(store);
    return 0;
}

static char *closure(const struct store *store, const struct strv *roots)
{
    struct cache_entry entry;
    struct error e CLEANUP_ERROR = {0};
    if (closure_get(&entry, roots, store->prefix, store->scratch, &e) < 0)
        fail_msg("%s", e.message);
    (void)close(entry.lock);
    return entry.path;
}

static void the_closure_and_nothing_else_is_registered(void **state)
{
    const struct store *store = *state;
    struct strv roots CLEANUP_STRV = {0};
    strv_push(&roots, store->names[2]);
    strv_push(&roots, store->names[0]);
    char *directory CLEANUP_FREE = closure(store, &roots);
    char *paths CLEANUP_FREE = scratch_read(directory, CLOSURE_PATHS);
    char *wanted CLEANUP_FREE =
        xasprintf("nix-store --store \"$STORE\" -qR %s %s | LC_ALL=C sort; echo", store->names[0],
                  store->names[2]);
    char *sorted CLEANUP_FREE = shell(store, wanted);
    assert_string_equal(paths, sorted);
    char *registration CLEANUP_FREE = scratch_read(directory, CLOSURE_REGISTRATION);
    assert_non_null(strstr(registration, "-below\nsha256:"));
    assert_non_null(strstr(registration, store->names[0]));
    assert_null(strstr(registration, store->names[1]));
}

static void nix_loads_the_registration(void **state)
{
    const struct store *store = *state;
    struct strv roots CLEANUP_STRV = {0};
    strv_push(&roots, store->names[2]);
    char *directory CLEANUP_FREE = closure(store, &roots);
    char *command CLEANUP_FREE =
        xasprintf("rm -rf copy && mkdir -p copy/nix && cp -r \"$STORE\"/nix/store copy/nix/ && "
                  "nix-store --store $PWD/copy --load-db < %s/" CLOSURE_REGISTRATION " && "
                  "diff <(nix-store --store $PWD/copy --dump-db) "
                  "<(nix-store --store \"$STORE\" --dump-db $(cat %s/" CLOSURE_PATHS ")) && "
                  "nix-store --store $PWD/copy --query --references %s",
                  directory, directory, store->names[2]);
    char *script CLEANUP_FREE = xasprintf("bash -euc '%s'", command);
    char *references CLEANUP_FREE = shell(store, script);
    assert_non_null(strstr(references, "-below"));
}

static void it_is_asked_for_once(void **state)
{
    const struct store *store = *state;
    struct strv roots CLEANUP_STRV = {0};
    strv_push(&roots, store->names[1]);
    char *first CLEANUP_FREE = closure(store, &roots);
    char *path CLEANUP_FREE = xstrdup(getenv("PATH"));
    (void)setenv("PATH", "/nowhere", 1);
    char *second CLEANUP_FREE = closure(store, &roots);
    (void)setenv("PATH", path, 1);
    assert_string_equal(first, second);
}

static void a_path_that_is_not_valid_is_named(void **state)
{
    const struct store *store = *state;
    struct strv roots CLEANUP_STRV = {0};
    strv_push(&roots, "/nix/store/00000000000000000000000000000000-nosuch");
    struct cache_entry entry;
    struct error e CLEANUP_ERROR = {0};
    assert_true(closure_get(&entry, &roots, store->prefix, store->scratch, &e) < 0);
    assert_error_names(e, "-nosuch", "nix-store");
    assert_int_not_equal(e.status, 0);
}

static void a_missing_nix_is_named_with_its_package(void **state)
{
    const struct store *store = *state;
    struct strv roots CLEANUP_STRV = {0};
    strv_push(&roots, store->names[0]);
    char *path CLEANUP_FREE = xstrdup(getenv("PATH"));
    (void)setenv("PATH", "/nowhere", 1);
    struct cache_entry entry;
    struct error e CLEANUP_ERROR = {0};
    assert_true(closure_get(&entry, &roots, store->prefix, store->scratch, &e) < 0);
    (void)setenv("PATH", path, 1);
    assert_error_names(e, "nix-store", "nix-bin");
    assert_int_equal(e.status, STATUS_UNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_closure_and_nothing_else_is_registered),
        cmocka_unit_test(nix_loads_the_registration),
        cmocka_unit_test(it_is_asked_for_once),
        cmocka_unit_test(a_path_that_is_not_valid_is_named),
        cmocka_unit_test(a_missing_nix_is_named_with_its_package),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
