/* SPDX-License-Identifier: MIT */
/* What an execution takes from jansson, which is thousands of pieces: out of one block that is
 * given back whole. ASan's own allocator spends most of a target's time on them; this one sees as
 * much: every piece lies between poisoned bytes, is poisoned when it is freed and is not used
 * again, and arena_end() sees what was not freed. */
#pragma once

#include <jansson.h>
#include <sanitizer/asan_interface.h>

#include "tests/fuzz/fuzz.h"

#define ARENA_SIZE ((size_t)32 << 20)
#define ARENA_GAP  16

static struct {
    char *bytes;
    size_t used;
    size_t pieces; /* that have not been freed */
} arena;

/* In front of each piece there is its size, behind it at least one poisoned byte. */
static void *arena_take(size_t size)
{
    size_t length = (size + ARENA_GAP) / ARENA_GAP * ARENA_GAP;
    must(size <= ARENA_SIZE && arena.used + ARENA_GAP + length <= ARENA_SIZE);
    char *piece = arena.bytes + arena.used + ARENA_GAP;
    ASAN_UNPOISON_MEMORY_REGION(piece - ARENA_GAP, sizeof size);
    (void)memcpy(piece - ARENA_GAP, &size, sizeof size);
    ASAN_POISON_MEMORY_REGION(piece - ARENA_GAP, sizeof size);
    ASAN_UNPOISON_MEMORY_REGION(piece, size);
    arena.used += ARENA_GAP + length;
    arena.pieces++;
    return piece;
}

static void arena_give(void *memory)
{
    char *piece = memory;
    size_t size;
    if (!piece)
        return;
    must(piece > arena.bytes && piece < arena.bytes + arena.used);
    ASAN_UNPOISON_MEMORY_REGION(piece - ARENA_GAP, sizeof size);
    (void)memcpy(&size, piece - ARENA_GAP, sizeof size);
    ASAN_POISON_MEMORY_REGION(piece - ARENA_GAP, sizeof size);
    must(size != SIZE_MAX); /* freed before */
    ASAN_UNPOISON_MEMORY_REGION(piece - ARENA_GAP, sizeof size);
    (void)memset(piece - ARENA_GAP, 0xff, sizeof size);
    ASAN_POISON_MEMORY_REGION(piece - ARENA_GAP, ARENA_GAP + size);
    arena.pieces--;
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

/* Once, before jansson is used. */
static inline void arena_begin(void)
{
    arena.bytes = xreallocarray(NULL, ARENA_SIZE, 1);
    ASAN_POISON_MEMORY_REGION(arena.bytes, ARENA_SIZE);
    json_set_alloc_funcs(arena_take, arena_give);
}

/* After each execution. */
static inline void arena_end(void)
{
    must(arena.pieces == 0);
    arena.used = 0;
}
