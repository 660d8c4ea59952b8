/* SPDX-License-Identifier: MIT */
/* The files of a machine on another host: which volumes it needs, and their places in its model. */
#pragma once

#include <stddef.h>

#include "host/plan/plan.h"
#include "host/remote/volumes.h"

/* A volume, and the path in the model that becomes the volume's. */
struct connectvolume {
    const char *prefix; /* of the name of a file's volume; NULL: a disk of the machine's own … */
    char *suffix;       /* … whose name is the machine's with this after it */
    char **path;        /* in the model */
    struct volume volume; /* without a name until its file is made */
};

struct connectvolumes {
    struct connectvolume *items;
    size_t count;
};

/* Finds the volumes of a plan that elsewhere_check() has passed, and drops the files of the plan
 * that need not be made here. The plan must outlive them. */
void connectvolumes_collect(struct connectvolumes *volumes, struct plan *plan);

/* Names the volumes of files, which have been made, after their contents. Returns 0, or a negative
 * errno with the reason. */
int connectvolumes_name(struct connectvolumes *volumes, struct error *e);

/* Provides the volumes of the machine of that name, and puts their paths into the model. Those of
 * files are provided once. Returns 0, or a negative errno with the reason. */
int connectvolumes_provide(struct connectvolumes *volumes, const struct virsh *virsh,
                           const char *name, struct error *e);

#define CLEANUP_CONNECTVOLUMES CLEANUP(connectvolumes_free)
void connectvolumes_free(struct connectvolumes *volumes);
