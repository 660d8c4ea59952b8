/* SPDX-License-Identifier: MIT */
/* A libvirt domain while libvirtxml.c and its parts write it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/strv.h"
#include "host/machine/model.h"
#include "host/machine/xml.h"

/* Facts about a domain that the model of its machine does not have. */
struct libvirtdomain_facts {
    const char *name;      /* of the domain */
    const char *uri;       /* of its libvirt; the domain's UUID is that of its name there */
    const char *directory; /* absolute: relative paths of the model are below it */
    const char *cpu;       /* the guest's processor, as in CPU-linux */
    const char *virtiofsd; /* its path; NULL: no share is on virtiofs */
    bool elsewhere;        /* on a host whose files are not known: its libvirt chooses QEMU, and the
                            * firmware */
    bool as_user;          /* QEMU runs as this user, and libvirt changes no owner of a file */
    uid_t uid;
    gid_t gid;
};

struct libvirtdomain {
    const struct model *model;
    const struct libvirtdomain_facts *facts;
    struct strv *warnings;
    struct xml *root;
    struct xml *os;
    struct xml *features;
    struct xml *processor; /* NULL: not yet written */
    struct xml *devices;
    struct strv arguments;   /* QEMU's, for what libvirt cannot say */
    size_t disks;            /* virtio disks so far */
    size_t other_disks;      /* SATA, IDE and SCSI disks so far, which share names */
    size_t cards;            /* network cards so far */
    size_t places;           /* PCI devices among QEMU's arguments so far */
    bool boots_disk;         /* a disk of libvirt's has a place in the boot order */
    bool boots_other;        /* a drive among QEMU's arguments has one */
    unsigned char digest[6]; /* of the domain's name and libvirt: begins addresses of its cards */
};

/* The absolute form of a path in the model; the caller frees. */
char *libvirtdomain_path(const struct libvirtdomain *domain, const char *path);

/* True if the guest's processor is one of a PC. */
bool libvirtdomain_is_x86(const struct libvirtdomain *domain);

/* True if the machine's own bus is PCI Express. */
bool libvirtdomain_has_pcie(const struct libvirtdomain *domain);

/* Adds arguments of QEMU's. A PCI device without a place gets one that libvirt does not come to:
 * QEMU makes these devices before libvirt's, and would let them have the places of those. */
void libvirtdomain_add_arguments(struct libvirtdomain *domain, char *const *items, size_t count);

/* Adds the arguments for an item as they are, and a warning. */
void libvirtdomain_pass_on(struct libvirtdomain *domain, const struct model_item *item);

/* The same, for an item that libvirt could say, though not in its place among others of its kind.
 */
void libvirtdomain_keep_place(struct libvirtdomain *domain, const struct model_item *item);
