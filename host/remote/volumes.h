/* SPDX-License-Identifier: MIT */
/* Files of machines as volumes of a storage pool of libvirt's. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "host/remote/virsh.h"

/* The pool that has them. */
#define VOLUMES_POOL "run-vm"

/* A file, whose volume is named after its contents, so that equal files are one volume, and no
 * volume ever changes; or a disk of a machine's own, which is made blank and then left alone. */
struct volume {
    char *name;     /* in the pool; letters, digits and "._-" */
    char *file;     /* on this host; NULL: a disk */
    uint64_t bytes; /* the size of the file, or of the disk */
    char *path;     /* on libvirt's host; NULL before volumes_provide() */
    uint64_t size;  /* there, once it has a path */
};

/* Makes the volume of a file: PREFIX-DIGEST. Returns 0, or a negative errno with the reason. */
int volumes_name_contents(struct volume *volume, const char *prefix, const char *file,
                          struct error *e);

/* Makes those of the volumes that are not there, and uploads each file that is not whole: libvirt
 * writes it from its beginning to its end, and the volume grows with it, so that one that is as
 * long as the file is whole. An upload that was interrupted is done again in place. Makes the pool
 * too, and starts it. Returns 0, or a negative errno with the reason. */
int volumes_provide(const struct virsh *virsh, struct volume *const *volumes, size_t count,
                    struct error *e);

void volumes_free(struct volume *volume);
