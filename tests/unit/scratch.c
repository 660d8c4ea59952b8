/* SPDX-License-Identifier: MIT */
#include "tests/unit/scratch.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "base/text.h"
#include "host/system/process.h"
#include "host/system/tree.h"
#include "tests/unit/unit.h"

char *scratch_new(void)
{
    const char *parent = getenv("TMPDIR");
    char *directory = xasprintf("%s/run-vm-test-XXXXXX", parent && *parent ? parent : "/tmp");
    assert_non_null(mkdtemp(directory));
    return directory;
}

void scratch_free(char **directory)
{
    (void)tree_remove(*directory, NULL);
    free(*directory);
}

char *scratch_path(const char *directory, const char *name)
{
    return xasprintf("%s/%s", directory, name);
}

void scratch_write(const char *directory, const char *name, const char *text)
{
    char *path CLEANUP_FREE = scratch_path(directory, name);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

char *scratch_read(const char *directory, const char *name)
{
    char *path CLEANUP_FREE = scratch_path(directory, name);
    FILE *f CLEANUP_FCLOSE = fopen(path, "re");
    if (!f)
        return NULL;
    char *text = xcalloc(65536, 1);
    (void)!fread(text, 1, 65535, f);
    return text;
}

size_t scratch_count(const char *directory)
{
    DIR *stream = opendir(directory);
    assert_non_null(stream);
    size_t count = 0;
    for (const struct dirent *entry; (entry = readdir(stream));)
        count += !streq(entry->d_name, ".") && !streq(entry->d_name, "..");
    (void)closedir(stream);
    return count;
}

void scratch_run_vector(const char *const *arguments)
{
    struct strv argv CLEANUP_STRV = {0};
    for (; *arguments; arguments++)
        strv_push(&argv, *arguments);
    struct error e CLEANUP_ERROR = {0};
    const struct process process = {.argv = &argv, .input = -1, .output = -1};
    if (process_run(&process, &e) < 0)
        fail_msg("%s", e.message);
}
