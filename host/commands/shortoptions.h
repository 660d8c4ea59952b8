/* SPDX-License-Identifier: MIT */
/* Options of the command line that stand for settings of the configuration, such as -m for
 * virtualisation.memorySize. They are rows of the table of `run` with a `setting`; the functions
 * here turn arguments into values. */
#pragma once

#include "base/error.h"
#include "host/commandline.h"
#include "host/config/config.h"
#include "host/config/setting.h"

/* Adds the setting that an option stands for, or -o's. `typed` is the option as it was typed.
 * Returns 0, or -EINVAL with the message. */
int shortoptions_add(struct config *config, const struct commandline *syntax, const char *typed,
                     const char *argument, struct error *e);

/* The values of --share SRC[:DST][:ro], --port [ADDRESS:]HOST:GUEST[/udp], --disk SIZE|FILE and
 * --display. */
int shortoptions_share(struct setting_value *value, const char *argument, struct error *e);
int shortoptions_port(struct setting_value *value, const char *argument, struct error *e);
int shortoptions_disk(struct setting_value *value, const char *argument, struct error *e);
int shortoptions_display(struct setting_value *value, const char *argument, struct error *e);

/* The values of --fresh and --ro. */
int shortoptions_fresh(struct setting_value *value, const char *argument, struct error *e);
int shortoptions_ro(struct setting_value *value, const char *argument, struct error *e);

/* Takes the argument of -c for a configuration, as -c FILE was one before it was the number of
 * cores, and warns. */
const char *shortoptions_divert_cores(const char *typed, const char *argument);
