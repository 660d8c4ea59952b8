/* SPDX-License-Identifier: MIT */
/* Messages for people. Each half sets their destination once. */
#pragma once

/* The numbers are syslog's, which /dev/kmsg takes as <N> before a line. */
enum log_level {
    LOG_LEVEL_ERROR = 3,
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_INFO = 6,
    LOG_LEVEL_DEBUG = 7,
};

typedef void log_sink(enum log_level level, const char *message);

/* Set where messages go (one line each, without a newline at the end) and the least urgent level
 * that is passed on. The defaults are stderr and INFO. */
void log_set_sink(log_sink *sink);
void log_set_level(enum log_level level);

/* Passes a message on, unless `level` is less urgent than log_set_level() allows. */
void log_message(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define log_error(...)   log_message(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_message(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_message(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_message(LOG_LEVEL_DEBUG, __VA_ARGS__)
