/* SPDX-License-Identifier: MIT */
/* What an execution allocates, which is thousands of pieces: out of one block that is given back
 * whole. ASan's own allocator spends most of a target's time on them; this one sees as much: every
 * piece lies between poisoned bytes, is poisoned when it is freed and is not used again, and
 * arena_end() sees what was not freed.
 *
 * It stands in for what common/alloc.c calls (see the linker's --wrap in the Makefile) and for
 * jansson's allocator. What others allocate is theirs. */
#pragma once

#include <jansson.h>
#include <sanitizer/asan_interface.h>
#include <stdarg.h>
#include <stdbool.h>

#include "tests/fuzz/fuzz.h"

#define ARENA_SIZE ((size_t)32 << 20)
#define ARENA_GAP  16

static struct {
    char *bytes;
    uint32_t *sizes; /* of the piece that begins at so many gaps; UINT32_MAX: it has been freed */
    size_t used;
    size_t pieces; /* that have not been freed */
    bool open;     /* during an execution */
} arena;

void *__wrap_calloc(size_t count, size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_reallocarray(void *memory, size_t count, size_t size);
void *__real_reallocarray(void *memory, size_t count, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t length);
int __wrap_vasprintf(char **text, const char *format, va_list arguments);
void __wrap_free(void *memory);
void __real_free(void *memory);

static inline bool arena_has(const void *memory)
{
    const char *piece = memory;
    return arena.bytes && piece >= arena.bytes && piece < arena.bytes + ARENA_SIZE;
}

static inline uint32_t *arena_size_of(const void *piece)
{
    return &arena.sizes[(size_t)((const char *)piece - arena.bytes) / ARENA_GAP];
}

/* Between two pieces there is a gap, and behind each at least one byte more. */
static void *arena_take(size_t size)
{
    size_t length = (size / ARENA_GAP + 1) * ARENA_GAP + ARENA_GAP;
    must(size < ARENA_SIZE && arena.used + length <= ARENA_SIZE);
    char *piece = arena.bytes + arena.used + ARENA_GAP;
    ASAN_UNPOISON_MEMORY_REGION(piece, size);
    *arena_size_of(piece) = (uint32_t)size;
    arena.used += length;
    arena.pieces++;
    return piece;
}

static void arena_give(void *memory)
{
    if (!memory)
        return;
    uint32_t *size = arena_size_of(memory);
    must(arena_has(memory) && *size != UINT32_MAX); /* freed before */
    ASAN_POISON_MEMORY_REGION(memory, *size);
    *size = UINT32_MAX;
    arena.pieces--;
}

void *__wrap_calloc(size_t count, size_t size)
{
    size_t bytes;
    if (!arena.open)
        return __real_calloc(count, size);
    must(!__builtin_mul_overflow(count, size, &bytes));
    return memset(arena_take(bytes), 0, bytes);
}

void *__wrap_reallocarray(void *memory, size_t count, size_t size)
{
    size_t bytes;
    if (!arena.open || (memory && !arena_has(memory)))
        return __real_reallocarray(memory, count, size);
    must(!__builtin_mul_overflow(count, size, &bytes));
    void *piece = arena_take(bytes);
    if (memory)
        (void)memcpy(piece, memory,
                     bytes < *arena_size_of(memory) ? bytes : *arena_size_of(memory));
    arena_give(memory);
    return piece;
}

char *__wrap_strndup(const char *text, size_t length)
{
    size_t size = strnlen(text, length);
    char *copy = __wrap_calloc(size + 1, 1);
    return memcpy(copy, text, size);
}

char *__wrap_strdup(const char *text)
{
    return __wrap_strndup(text, strlen(text));
}

int __wrap_vasprintf(char **text, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    must(length >= 0);
    *text = __wrap_calloc((size_t)length + 1, 1);
    return vsnprintf(*text, (size_t)length + 1, format, arguments);
}

void __wrap_free(void *memory)
{
    if (arena_has(memory))
        arena_give(memory);
    else
        __real_free(memory);
}

static int arena_append(const char *bytes, size_t count, void *text)
{
    char **whole = text;
    size_t length = strlen(*whole);
    *whole = xreallocarray(*whole, length + count + 1, 1);
    (void)memcpy(*whole + length, bytes, count);
    (*whole)[length + count] = '\0';
    return 0;
}

/* In jansson's place: what it returns is freed with free(). */
char *json_dumps(const json_t *json, size_t flags)
{
    char *text = xstrdup("");
    if (json_dump_callback(json, arena_append, &text, flags) == 0)
        return text;
    free(text);
    return NULL;
}

/* Before each execution. */
static inline void arena_begin(void)
{
    if (!arena.bytes) {
        arena.bytes = xreallocarray(NULL, ARENA_SIZE, 1);
        arena.sizes = xcalloc(ARENA_SIZE / ARENA_GAP, sizeof *arena.sizes);
        ASAN_POISON_MEMORY_REGION(arena.bytes, ARENA_SIZE);
        json_set_alloc_funcs(arena_take, arena_give);
    }
    arena.open = true;
}

/* After each execution. */
static inline void arena_end(void)
{
    must(arena.pieces == 0);
    arena.used = 0;
    arena.open = false;
}
