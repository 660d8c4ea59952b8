/* SPDX-License-Identifier: MIT */
#include "host/cache/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "host/cache/cacheitems.h"
#include "host/system/tree.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

struct fixture {
    char *scratch;
    char *input; /* what entries are made from */
    int *made;   /* how often, counted over processes */
    int to_fail; /* what the maker returns; 0: it works */
    const char *key;
    const char *content;
};

static int make(const char *directory, struct cache_inputs *inputs, void *context, struct error *e)
{
    const struct fixture *f = context;
    cache_input(inputs, f->input);
    (void)__atomic_add_fetch(f->made, 1, __ATOMIC_SEQ_CST);
    scratch_write(directory, "data", f->content);
    return f->to_fail ? error_set(e, f->to_fail, "as told") : 0;
}

static int get(struct cache_entry *entry, struct fixture *f, struct error *e)
{
    struct cache_key key;
    cache_key_start(&key, "test", 1);
    cache_key_text(&key, f->key);
    const struct cache_request request = {
        .kind = "test", .key = &key, .make = make, .context = f, .fallback = f->scratch};
    return cache_get(entry, &request, e);
}

static void release(struct cache_entry *entry)
{
    if (entry->lock >= 0)
        (void)close(entry->lock);
    free(entry->path);
}

/* Gets the entry, sees that it is whole, and how often it has been made by now. */
static void expect(struct fixture *f, int made)
{
    struct cache_entry entry;
    struct error e CLEANUP_ERROR = {0};
    assert_int_equal(get(&entry, f, &e), 0);
    char *text CLEANUP_FREE = scratch_read(entry.path, "data");
    assert_string_equal(text, f->content);
    assert_int_equal(*f->made, made);
    release(&entry);
}

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    f->key = "some text";
    f->content = "content";
    f->scratch = scratch_new();
    scratch_write(f->scratch, "input", "input");
    f->input = scratch_path(f->scratch, "input");
    f->made =
        mmap(NULL, sizeof *f->made, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    (void)setenv("XDG_CACHE_HOME", f->scratch, 1);
    *state = f;
    return f->made == MAP_FAILED;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    scratch_free(&f->scratch);
    free(f->input);
    (void)munmap(f->made, sizeof *f->made);
    free(f);
    return 0;
}

/* The entry's directory; the caller frees. */
static char *entry_path(struct fixture *f)
{
    struct cache_entry entry;
    assert_int_equal(get(&entry, f, NULL), 0);
    (void)close(entry.lock);
    return entry.path;
}

static void an_entry_is_made_once(void **state)
{
    expect(*state, 1);
    expect(*state, 1);
}

static void it_is_made_again_when_an_input_changes(void **state)
{
    struct fixture *f = *state;
    expect(f, 1);
    scratch_write(f->scratch, "other", "input");
    char *other CLEANUP_FREE = scratch_path(f->scratch, "other");
    assert_int_equal(rename(other, f->input), 0);
    expect(f, 2);
    assert_int_equal(unlink(f->input), 0);
    expect(f, 3);
    expect(f, 3);
}

/* The file of the directory whose name begins so; the caller frees. */
static char *find_file(const char *directory, const char *prefix)
{
    DIR *stream = opendir(directory);
    char *found = NULL;
    assert_non_null(stream);
    for (const struct dirent *file; !found && (file = readdir(stream));)
        if (strncmp(file->d_name, prefix, strlen(prefix)) == 0)
            found = scratch_path(directory, file->d_name);
    (void)closedir(stream);
    assert_non_null(found);
    return found;
}

static void a_truncated_entry_is_not_used(void **state)
{
    static const char *const files[] = {"data", "info", "from-"};
    struct fixture *f = *state;
    int made = 1;
    expect(f, made);
    for (size_t i = 0; i < ELEMENTS(files); i++)
        for (off_t size = -1; size < 40; size += size < 0 ? 1 : 13) {
            char *path CLEANUP_FREE = entry_path(f);
            char *file CLEANUP_FREE = find_file(path, files[i]);
            if (geteuid() != 0)
                assert_int_equal(chmod(file, 0600), 0);
            assert_int_equal(size < 0 ? unlink(file) : truncate(file, size), 0);
            expect(f, ++made);
        }
}

static void a_changed_entry_is_not_used(void **state)
{
    struct fixture *f = *state;
    char *path CLEANUP_FREE = entry_path(f);
    char *data CLEANUP_FREE = scratch_path(path, "data");
    if (geteuid() != 0)
        assert_int_equal(chmod(data, 0644), 0);
    scratch_write(path, "data", "CONTENT");
    /* the clock of a filesystem may not have gone on since the entry was made */
    const struct timespec times[] = {{.tv_sec = 1}, {.tv_sec = 1}};
    assert_int_equal(utimensat(AT_FDCWD, data, times, 0), 0);
    expect(f, 2);
}

static void a_planted_link_is_not_used(void **state)
{
    struct fixture *f = *state;
    char *path CLEANUP_FREE = entry_path(f);
    char *elsewhere CLEANUP_FREE = scratch_path(f->scratch, "elsewhere");
    assert_int_equal(rename(path, elsewhere), 0);
    assert_int_equal(symlink(elsewhere, path), 0);
    expect(f, 2);
    char *again CLEANUP_FREE = entry_path(f);
    char *data CLEANUP_FREE = scratch_path(again, "data");
    char *real CLEANUP_FREE = scratch_path(elsewhere, "data");
    assert_int_equal(unlink(data), 0);
    assert_int_equal(symlink(real, data), 0);
    expect(f, 3);
    char *kept CLEANUP_FREE = scratch_read(elsewhere, "data");
    assert_string_equal(kept, "content");
}

static void an_entry_that_others_can_write_is_not_used(void **state)
{
    struct fixture *f = *state;
    char *path CLEANUP_FREE = entry_path(f);
    assert_int_equal(chmod(path, 0777), 0);
    expect(f, 2);
    if (geteuid() == 0) {
        char *again CLEANUP_FREE = entry_path(f);
        assert_int_equal(chown(again, 1000, 1000), 0);
        expect(f, 3);
    }
}

static void a_failure_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    f->to_fail = -EPROTO;
    struct cache_entry entry;
    struct error e CLEANUP_ERROR = {0};
    assert_int_equal(get(&entry, f, &e), -EPROTO);
    assert_string_equal(e.message, "as told");
    char *cache CLEANUP_FREE = cache_directory();
    assert_int_equal(scratch_count(cache), 1); /* the file of locks */
    f->to_fail = 0;
    expect(f, 2);
}

static void several_at_once_make_it_once(void **state)
{
    struct fixture *f = *state;
    pid_t children[8];
    for (size_t i = 0; i < ELEMENTS(children); i++) {
        children[i] = fork();
        if (children[i] == 0) {
            struct cache_entry entry;
            _exit(get(&entry, f, NULL) < 0 || entry.lock < 0);
        }
    }
    for (size_t i = 0; i < ELEMENTS(children); i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    expect(f, 1);
}

static void without_a_cache_it_is_made_in_the_fallback(void **state)
{
    struct fixture *f = *state;
    (void)setenv("XDG_CACHE_HOME", "/dev/null/cache", 1);
    for (int i = 1; i <= 2; i++) {
        struct cache_entry entry;
        assert_int_equal(get(&entry, f, NULL), 0);
        assert_int_equal(entry.lock, -1);
        assert_int_equal(strncmp(entry.path, f->scratch, strlen(f->scratch)), 0);
        assert_int_equal(*f->made, i);
        release(&entry);
    }
}

static void a_full_cache_does_not_stop_a_start(void **state)
{
    struct fixture *f = *state;
    struct cache_entry entry;
    f->to_fail = -ENOSPC;
    /* the fallback is full as well, but it was tried */
    assert_int_equal(get(&entry, f, NULL), -ENOSPC);
    assert_int_equal(*f->made, 2);
}

/* The entries that there are. */
static size_t count_entries(void)
{
    struct cache_items items CLEANUP_CACHE_ITEMS = {0};
    char *cache CLEANUP_FREE = cache_directory();
    assert_int_equal(cacheitems_read(&items, cache, NULL), 0);
    return items.count;
}

static void one_content_is_one_entry(void **state)
{
    struct fixture *f = *state;
    static const char *const keys[] = {"a", "b", "c"};
    for (size_t i = 0; i < ELEMENTS(keys); i++) {
        f->key = keys[i];
        expect(f, (int)i + 1);
        assert_int_equal(count_entries(), 1);
    }
    /* each key goes on finding it */
    for (size_t i = 0; i < ELEMENTS(keys); i++) {
        f->key = keys[i];
        expect(f, 3);
    }
    f->key = "d";
    f->content = "cOntent"; /* of the same size */
    expect(f, 4);
    assert_int_equal(count_entries(), 2);
    /* a file that it is made from changes: the entry goes on to serve where none has */
    scratch_write(f->scratch, "other", "input");
    char *other CLEANUP_FREE = scratch_path(f->scratch, "other");
    assert_int_equal(rename(other, f->input), 0);
    expect(f, 5);
    assert_int_equal(count_entries(), 2);
}

static void an_entry_has_not_more_keys_than_it_needs(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 80; i++) {
        char *key CLEANUP_FREE = xasprintf("key %d", i);
        f->key = key;
        expect(f, i + 1);
    }
    f->key = "key 79";
    expect(f, 80);
    char *path CLEANUP_FREE = entry_path(f);
    assert_int_equal(scratch_count(path), 64 + 2);
    assert_int_equal(count_entries(), 1);
}

static void many_that_make_one_content_at_once_have_one_entry(void **state)
{
    struct fixture *f = *state;
    pid_t children[8];
    for (size_t i = 0; i < ELEMENTS(children); i++) {
        children[i] = fork();
        if (children[i] == 0) {
            struct cache_entry entry;
            char *key = xasprintf("key %zu", i);
            f->key = key;
            _exit(get(&entry, f, NULL) < 0 || entry.lock < 0);
        }
    }
    for (size_t i = 0; i < ELEMENTS(children); i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(count_entries(), 1);
}

/* Some seconds ago, so that the order of use is known. */
static void use_before(const char *entry, time_t seconds)
{
    const struct timespec then = {.tv_sec = time(NULL) - seconds};
    const struct timespec times[] = {then, then};
    assert_int_equal(utimensat(AT_FDCWD, entry, times, 0), 0);
}

static void the_limit_is_kept_by_what_is_used_least(void **state)
{
    struct fixture *f = *state;
    static const char *const keys[] = {"first", "second", "third", "fourth"};
    char *paths[ELEMENTS(keys)];
    struct cache_entry used;
    for (size_t i = 0; i < ELEMENTS(keys); i++) {
        f->key = f->content = keys[i];
        if (i == 1)
            assert_int_equal(get(&used, f, NULL), 0); /* stays in use */
        paths[i] = entry_path(f);
        use_before(paths[i], 100 - (time_t)i);
    }
    assert_int_equal(count_entries(), 4);
    use_before(paths[0], 1); /* was used since */
    f->key = f->content = "fifth";
    cache_set_limit(3 * 12288); /* each has three files, of 4096 bytes mostly */
    expect(f, 5);
    assert_int_equal(access(paths[1], F_OK), 0);
    assert_int_equal(access(paths[2], F_OK), -1);
    /* the new one stays though it is too much by itself */
    f->key = f->content = "sixth";
    cache_set_limit(1);
    expect(f, 6);
    expect(f, 6);
    assert_int_equal(count_entries(), 2);
    assert_int_equal(access(paths[1], F_OK), 0);
    cache_set_limit(0);
    release(&used);
    for (size_t i = 0; i < ELEMENTS(keys); i++)
        free(paths[i]);
}

static void texts_are_told_from_each_other_in_a_key(void **state)
{
    (void)state;
    struct cache_key keys[2];
    uint8_t digests[2][SHA256_BYTES];
    const char *const texts[2][2] = {{"ab", "c"}, {"a", "bc"}};
    for (size_t i = 0; i < 2; i++) {
        cache_key_start(&keys[i], "test", 1);
        cache_key_text(&keys[i], texts[i][0]);
        cache_key_text(&keys[i], texts[i][1]);
        sha256_end(&keys[i].hash, digests[i]);
    }
    assert_memory_not_equal(digests[0], digests[1], SHA256_BYTES);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_entry_is_made_once),
        TEST(it_is_made_again_when_an_input_changes),
        TEST(a_truncated_entry_is_not_used),
        TEST(a_changed_entry_is_not_used),
        TEST(a_planted_link_is_not_used),
        TEST(an_entry_that_others_can_write_is_not_used),
        TEST(a_failure_leaves_nothing),
        TEST(several_at_once_make_it_once),
        TEST(without_a_cache_it_is_made_in_the_fallback),
        TEST(a_full_cache_does_not_stop_a_start),
        TEST(one_content_is_one_entry),
        TEST(an_entry_has_not_more_keys_than_it_needs),
        TEST(many_that_make_one_content_at_once_have_one_entry),
        TEST(the_limit_is_kept_by_what_is_used_least),
        TEST(texts_are_told_from_each_other_in_a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
