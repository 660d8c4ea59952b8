/* SPDX-License-Identifier: MIT */
#include "host/config/neighbours.h"

#include <ctype.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/strv.h"
#include "base/text.h"

#define OURS "virtualisation."

/* Groups inside virtualisation that do not concern this machine: those of NixOS and of widely used
 * modules. */
static const char *const others[] = {
    "amazon-init",
    "anbox",
    "appvm",
    "arion",
    "azure",
    "azureImage",
    "azureImages",
    "cloudstack",
    "cmdline",
    "containerd",
    "containers",
    "cri-o",
    "darwin-builder",
    "digitalOcean",
    "digitalOceanImage",
    "docker",
    "docker-compose",
    "docker-preloader",
    "dockerPreloader",
    "ec2",
    "fex",
    "googleComputeImage",
    "growPartition",
    "hcloud",
    "hyperd",
    "hyperv",
    "hypervGuest",
    "hypervImage",
    "incus",
    "kubevirt",
    "kvmgt",
    "libvirt",
    "libvirtd",
    "linodeImage",
    "lxc",
    "lxcImage",
    "lxcfs",
    "lxd",
    "lxdImage",
    "multipass",
    "nixos-containers",
    "nova",
    "oci",
    "oci-containers",
    "openstack",
    "openvswitch",
    "parallels",
    "podman",
    "proxmox",
    "quadlet",
    "railcar",
    "rkt",
    "rootDir",
    "rosetta",
    "spiceUSBRedirection",
    "systemd-nspawn",
    "vagrant",
    "vfio",
    "virtualbox",
    "vmware",
    "vmwareGuest",
    "vmwareImage",
    "vswitch",
    "waydroid",
    "xe-guest-utilities",
    "xen",
};

/* Names of NixOS that are similar to one of ours. */
static const char *const lookalikes[] = {
    "networking.primaryIPv6Address",
    "systemd",
};

bool neighbours_are_others(const char *name)
{
    const char *inside = startswith(name, OURS);

    for (size_t i = 0; inside && i < ELEMENTS(others); i++) {
        const char *rest = startswith(inside, others[i]);

        if (rest && (!*rest || *rest == '.'))
            return true;
    }
    return false;
}

/* The name in lower case, without hyphens and underscores, all of which people spell in several
 * ways. The caller frees. */
static char *plain(const char *name)
{
    char *text = xcalloc(strlen(name) + 1, 1);
    char *to = text;

    for (; *name; name++)
        if (*name != '-' && *name != '_')
            *to++ = (char)tolower((unsigned char)*name);
    return text;
}

/* The largest difference of two lengths, hyphens included, that may be a misspelling. */
#define LENGTHS_APART 4

/* True if `name` may be a misspelling of `ours`: two characters of a long name may be wrong, fewer
 * of a short one. */
static bool is_near(const char *name, const char *ours)
{
    size_t ours_length = strlen(ours);
    size_t name_length = strnlen(name, ours_length + LENGTHS_APART + 1);

    if (name_length > ours_length + LENGTHS_APART || name_length + LENGTHS_APART < ours_length)
        return false;
    char *plain_name CLEANUP_FREE = plain(name);
    char *plain_ours CLEANUP_FREE = plain(ours);
    size_t length = strlen(plain_ours);
    size_t most = length < 4 ? 0 : length < 6 ? 1 : 2;

    return !streq(name, ours) && option_distance(plain_name, plain_ours) <= most;
}

/* The name of an option or of a group around it, with as many components as `name`; the caller
 * frees. NULL: the option has fewer. */
static char *shorten(const char *option, const char *name)
{
    const char *end = option;

    for (;; end++) {
        end += strcspn(end, ".");
        name += strcspn(name, ".");
        if (!*name)
            return xstrndup(option, (size_t)(end - option));
        if (!*end)
            return NULL;
        name++;
    }
}

/* True if only the last components of the names differ: both are in the same group. */
static bool are_siblings(const char *a, const char *b)
{
    const char *dot_a = strrchr(a, '.');
    const char *dot_b = strrchr(b, '.');
    size_t length = dot_a ? (size_t)(dot_a - a) : 0;

    return length == (dot_b ? (size_t)(dot_b - b) : 0) && !strncmp(a, b, length);
}

static const char *last(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot ? dot + 1 : name;
}

/* The option or group that `name` is inside virtualisation, however it is spelt; the caller frees.
 * NULL: there is none. */
static char *find_inside(const struct option *options, size_t count, const char *name)
{
    char *plain_name CLEANUP_FREE = plain(name);

    for (size_t i = 0; i < count; i++) {
        const char *inside = startswith(options[i].name, OURS);
        char *first CLEANUP_FREE = inside ? xstrndup(inside, strcspn(inside, ".")) : NULL;
        char *plain_first CLEANUP_FREE = first ? plain(first) : NULL;

        if (first && streq(plain_first, plain_name))
            return xasprintf(OURS "%s", first);
    }
    return NULL;
}

char *neighbours_meant(const struct option *options, size_t count, const char *name)
{
    for (size_t i = 0; i < ELEMENTS(lookalikes); i++)
        if (streq(lookalikes[i], name))
            return NULL;
    for (size_t i = 0; i < count; i++) {
        char *candidate CLEANUP_FREE = shorten(options[i].name, name);

        if (candidate && are_siblings(candidate, name) && is_near(last(name), last(candidate)))
            return TAKE(candidate);
    }
    return strchr(name, '.') ? NULL : find_inside(options, count, name);
}
