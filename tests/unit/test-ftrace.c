/* SPDX-License-Identifier: MIT */
#include "host/initrd/ftrace.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

/* Two functions that a tracer can hook, each with another call and the bytes of a call in its data.
 */
static const char source[] = "void other(void);\n"
                             "void first(void) { other(); }\n"
                             "void second(void) { other(); other(); }\n"
                             "const char data[] = \"\\xe8\\x00\\x00\\x00\\x00\";\n";

static char *read_object(const char *path, size_t *size)
{
    struct stat s;
    assert_int_equal(stat(path, &s), 0);
    *size = (size_t)s.st_size;
    char *data = xcalloc(*size, 1);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    assert_int_equal(fread(data, 1, *size, f), *size);
    assert_int_equal(fclose(f), 0);
    return data;
}

/* Compiles the source; the caller frees. */
static char *compile(size_t *size)
{
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *from CLEANUP_FREE = scratch_path(scratch, "a.c");
    char *object CLEANUP_FREE = scratch_path(scratch, "a.o");
    scratch_write(scratch, "a.c", source);
    scratch_run("gcc", "-c", "-O1", "-fno-pic", "-pg", "-mfentry", "-mrecord-mcount", "-o", object,
                from);
    return read_object(object, size);
}

static unsigned int count(const char *data, size_t size, const char *bytes, size_t length)
{
    unsigned int found = 0;
    for (size_t i = 0; i + length <= size; i++)
        found += memcmp(data + i, bytes, length) == 0;
    return found;
}

static void only_the_hooks_calls_go(void **state)
{
    (void)state;
    static const char nop[] = "\x0f\x1f\x44";
    static const char call[] = "\xe8\x00\x00\x00\x00";
    size_t size = 0;
    char *data CLEANUP_FREE = compile(&size);
    unsigned int calls = count(data, size, call, 5);
    unsigned int nops = count(data, size, nop, 4);
    ftrace_remove(data, size);
    assert_int_equal(count(data, size, nop, 4), nops + 2);
    assert_int_equal(count(data, size, call, 5), calls - 2);
    char *once CLEANUP_FREE = xcalloc(size, 1);
    memcpy(once, data, size);
    ftrace_remove(data, size);
    assert_memory_equal(data, once, size);
}

static void a_broken_object_is_left_in_peace(void **state)
{
    (void)state;
    size_t size = 0;
    char *data CLEANUP_FREE = compile(&size);
    for (size_t cut = 0; cut < size; cut++) {
        char *part CLEANUP_FREE = xcalloc(cut + 1, 1);
        memcpy(part, data, cut);
        ftrace_remove(part, cut);
    }
    for (size_t i = 0; i < size; i++) {
        char *changed CLEANUP_FREE = xcalloc(size, 1);
        memcpy(changed, data, size);
        changed[i] = (char)0xff;
        ftrace_remove(changed, size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_hooks_calls_go),
        cmocka_unit_test(a_broken_object_is_left_in_peace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
