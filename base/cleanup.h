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

/* Closes the descriptor, which may be -1, and makes it -1. */
static inline void cleanup_close(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
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

/* The same for a descriptor: `owner` becomes -1. */
#define TAKE_FD(owner) cleanup_take_fd(&(owner))
static inline int cleanup_take_fd(int *owner)
{
    int fd = *owner;
    *owner = -1;
    return fd;
}

/* The number of elements of an array. */
#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))
