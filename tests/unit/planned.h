/* SPDX-License-Identifier: MIT */
/* A configuration and its plan from a JSON text, for tests. */
#pragma once

#include <stdbool.h>

#include "common/params.h"
#include "host/config/config.h"
#include "host/plan/build.h"
#include "host/plan/planoptions.h"

struct planned {
    char *scratch; /* the caller's directory, with a system and a QEMU in it */
    struct config config;
    struct plan_options options; /* to be set before planned_make() */
    enum input input;            /* the same */
    struct plan plan;
    struct error e;
    int result; /* of resolve_config() or plan_build() */
};

/* Configurations with options of virtualisation; the other one with the system's own initrd. */
#define VM(content)     "{\"virtualisation\": {" content "}}"
#define SYSTEM(content) "{\"runVm\": {\"initrd\": \"system\"}, \"virtualisation\": {" content "}}"

static const char *const planned_no_environment[] = {NULL};

#define CLEANUP_PLANNED __attribute__((cleanup(planned_free)))

/* A directory with "system" (kernel, initrd, kernel-params, kernel-modules), "qemu" (qemu-kvm,
 * qemu-img …) and "init". */
void planned_init(struct planned *planned);

/* Resolves `json`, in which @ stands for the directory, with system.build.toplevel,
 * system.build.regInfo and virtualisation.qemu.package set unless `bare`. */
void planned_configure(struct planned *planned, const char *json, bool bare);

/* Configures, and builds the plan. `environment` ends with NULL. */
void planned_make(struct planned *planned, const char *json, const char *const *environment);

/* planned_init() and planned_make(). */
void planned_new(struct planned *planned, const char *json, const char *const *environment);

/* Fails unless a problem has each of the texts (the arguments end with NULL). */
void planned_expect_problem(const struct planned *planned, const char *text, ...)
    __attribute__((sentinel));

/* Fails if there are problems. */
void planned_expect_success(const struct planned *planned);

/* Returns the argument after the `n`th (from 0) argument `option`, or NULL. */
const char *planned_argument(const struct planned *planned, const char *option, size_t n);

/* Returns the number of arguments `option`. */
size_t planned_count(const struct planned *planned, const char *option);

/* Reads the guest's parameters as its init will. The caller frees. */
void planned_read_params(const struct planned *planned, struct guest_params *params);

/* The first file of that kind to be made, or NULL. */
const struct plan_file *planned_find_file(const struct planned *planned, enum file_kind kind);

/* Returns the number of warnings that contain the text. */
size_t planned_warnings_with(const struct planned *planned, const char *text);

/* planned_init() and planned_make(), with `words`, separated by single spaces, as the user's
 * options for QEMU: in qemu.options (place 0), QEMU_OPTS (1) or behind -- (2). `more`: more of
 * virtualisation, as JSON, ended by a comma. */
void planned_make_with(struct planned *planned, int place, const char *words, const char *more);

void planned_free(struct planned *planned);
