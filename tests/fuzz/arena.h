/* SPDX-License-Identifier: MIT */
/* An arena for the thousands of pieces that an execution allocates: one block, released as a whole.
 * ASan's own allocator would take most of a target's time. This one detects the same errors: every
 * piece lies between poisoned bytes, is poisoned when it is freed and never reused, and arena_end()
 * finds leaks.
 *
 * Replaces the allocator that a target's objects call (see the linker's --wrap in the Makefile).
 * Allocations of shared libraries, and those that exceed the block, use the real one. */
#pragma once

#include <sanitizer/asan_interface.h>
#include <stdarg.h>
#include <stdbool.h>

#include "tests/fuzz/fuzz.h"

#define ARENA_SIZE ((size_t)32 << 20)
#define ARENA_GAP  16
#define ARENA_FILL 0xbe /* fills memory not written yet, as ASan does */

static struct {
    char *bytes;
    uint32_t *sizes; /* of the piece that begins at so many gaps; UINT32_MAX: none does */
    size_t used;
    size_t pieces; /* that have not been freed */
    bool open;     /* during an execution */
} arena;

void *__wrap_malloc(size_t size);
void *__real_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_reallocarray(void *memory, size_t count, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t length);
__attribute__((format(printf, 2, 3))) int __wrap_asprintf(char **text, const char *format, ...);
__attribute__((format(printf, 2, 0))) int __wrap_vasprintf(char **text, const char *format,
                                                           va_list arguments);
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
static size_t arena_length(size_t size)
{
    return (size / ARENA_GAP + 1) * ARENA_GAP + ARENA_GAP;
}

static void *arena_take(size_t size)
{
    char *piece = arena.bytes + arena.used + ARENA_GAP;
    ASAN_UNPOISON_MEMORY_REGION(piece, size);
    *arena_size_of(piece) = (uint32_t)size;
    arena.used += arena_length(size);
    arena.pieces++;
    return memset(piece, ARENA_FILL, size);
}

static void arena_give(void *memory)
{
    uint32_t *size = arena_size_of(memory);
    /* else it was freed before, or is no piece's beginning */
    must((uintptr_t)memory % ARENA_GAP == 0 && *size != UINT32_MAX);
    ASAN_POISON_MEMORY_REGION(memory, *size);
    *size = UINT32_MAX;
    arena.pieces--;
}

void *__wrap_malloc(size_t size)
{
    bool fits = size < ARENA_SIZE && arena_length(size) <= ARENA_SIZE - arena.used;
    return arena.open && fits ? arena_take(size) : __real_malloc(size);
}

void __wrap_free(void *memory)
{
    if (arena_has(memory))
        arena_give(memory);
    else
        __real_free(memory);
}

void *__wrap_calloc(size_t count, size_t size)
{
    size_t bytes;
    must(!__builtin_mul_overflow(count, size, &bytes));
    return memset(__wrap_malloc(bytes), 0, bytes);
}

void *__wrap_realloc(void *memory, size_t size)
{
    if (memory && !arena_has(memory))
        return __real_realloc(memory, size);
    void *piece = __wrap_malloc(size);
    if (memory) {
        (void)memcpy(piece, memory, size < *arena_size_of(memory) ? size : *arena_size_of(memory));
        arena_give(memory);
    }
    return piece;
}

void *__wrap_reallocarray(void *memory, size_t count, size_t size)
{
    size_t bytes;
    must(!__builtin_mul_overflow(count, size, &bytes));
    return __wrap_realloc(memory, bytes);
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
    *text = __wrap_malloc((size_t)length + 1);
    return vsnprintf(*text, (size_t)length + 1, format, arguments);
}

int __wrap_asprintf(char **text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = __wrap_vasprintf(text, format, arguments);
    va_end(arguments);
    return length;
}

/* Before each execution. */
static inline void arena_begin(void)
{
    if (!arena.bytes) {
        arena.bytes = xreallocarray(NULL, ARENA_SIZE, 1);
        arena.sizes = xcalloc(ARENA_SIZE / ARENA_GAP, sizeof *arena.sizes);
        (void)memset(arena.sizes, 0xff, ARENA_SIZE / ARENA_GAP * sizeof *arena.sizes);
        ASAN_POISON_MEMORY_REGION(arena.bytes, ARENA_SIZE);
    }
    arena.open = true;
}

/* After each execution. */
static inline void arena_end(void)
{
    must(arena.pieces == 0);
    (void)memset(arena.sizes, 0xff, arena.used / ARENA_GAP * sizeof *arena.sizes);
    arena.used = 0;
    arena.open = false;
}
