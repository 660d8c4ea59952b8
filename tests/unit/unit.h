/* SPDX-License-Identifier: MIT */
/* Included by every unit test: cmocka, after the headers that it needs. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/error.h"

/* Fails unless the error's message contains each of the texts. */
#define assert_error_names(error, ...)                                                             \
    do {                                                                                           \
        const char *const words_[] = {__VA_ARGS__};                                                \
        assert_non_null((error).message);                                                          \
        for (size_t w_ = 0; w_ < ELEMENTS(words_); w_++)                                           \
            if (!strstr((error).message, words_[w_]))                                              \
                fail_msg("\"%s\" does not name \"%s\"", (error).message, words_[w_]);              \
    } while (0)
