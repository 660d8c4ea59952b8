/* SPDX-License-Identifier: MIT */
/* Locals that free what they own when they leave scope (gcc and clang's cleanup attribute). */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(function) __attribute__((cleanup(function)))

/* char *s CLEANUP_FREE = NULL; */
#define CLEANUP_FREE CLEANUP(cleanup_free)
/* int fd CLEANUP_CLOSE = -1; */
#define CLEANUP_CLOSE CLEANUP(cleanup_close)
/* FILE *f CLEANUP_FCLOSE = NULL; */
#define CLEANUP_FCLOSE CLEANUP(cleanup_fclose)

static inline void cleanup_free(void *pointer)
{
    free(*(void **)pointer);
}

static inline void cleanup_close(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

static inline void cleanup_fclose(FILE **f)
{
    if (*f)
        (void)fclose(*f);
}

/* Moves the pointer out of the variable `owner`, which becomes NULL and no longer owns it. */
#define TAKE(owner)                                                                                \
    __extension__({                                                                                \
        __typeof__(owner) *taken_from_ = &(owner);                                                 \
        __typeof__(owner) taken_ = *taken_from_;                                                   \
        *taken_from_ = NULL;                                                                       \
        taken_;                                                                                    \
    })

/* The number of elements of an array. */
#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))
