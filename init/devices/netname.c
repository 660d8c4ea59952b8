/* SPDX-License-Identifier: MIT */
#include "init/devices/netname.h"

#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

/* Time for the cards to appear, in milliseconds. Their modules have been loaded long before. */
#define TIMEOUT 2000

/* An interface that is to be named. */
struct target {
    const struct ifname *wanted;
    unsigned int index;       /* 0: it has not appeared */
    char before[IF_NAMESIZE]; /* its first name */
};

static void free_interfaces(struct if_nameindex **interfaces)
{
    if (*interfaces)
        if_freenameindex(*interfaces);
}

static bool has_address(int fd, const char *name, const uint8_t *address)
{
    struct ifreq request = {0};
    (void)stpncpy(request.ifr_name, name, IF_NAMESIZE - 1);
    return ioctl(fd, SIOCGIFHWADDR, &request) == 0 &&
           request.ifr_hwaddr.sa_family == ARPHRD_ETHER &&
           memcmp(request.ifr_hwaddr.sa_data, address, IFNAME_ADDRESS_BYTES) == 0;
}

/* Gives an interface to the first target that has its address and none yet: two cards on one
 * network have the same. */
static void offer(int fd, struct target *targets, size_t count,
                  const struct if_nameindex *interface)
{
    for (size_t i = 0; i < count; i++)
        if (targets[i].index == interface->if_index)
            return;
    for (size_t i = 0; i < count; i++)
        if (!targets[i].index && has_address(fd, interface->if_name, targets[i].wanted->address)) {
            targets[i].index = interface->if_index;
            (void)stpncpy(targets[i].before, interface->if_name, IF_NAMESIZE - 1);
            return;
        }
}

/* Returns true if all targets have an interface. */
static bool find(int fd, struct target *targets, size_t count)
{
    struct if_nameindex *interfaces CLEANUP(free_interfaces) = if_nameindex();
    for (const struct if_nameindex *i = interfaces; i && i->if_index; i++)
        offer(fd, targets, count, i);
    for (size_t i = 0; i < count; i++)
        if (!targets[i].index)
            return false;
    return true;
}

static int rename_interface(int fd, const char *from, const char *to)
{
    struct ifreq request = {0};
    (void)stpncpy(request.ifr_name, from, IF_NAMESIZE - 1);
    (void)stpncpy(request.ifr_newname, to, IF_NAMESIZE - 1);
    return ioctl(fd, SIOCSIFNAME, &request) < 0 ? -errno : 0;
}

/* Renames an interface by way of a name that no other has, so that two can exchange their names. */
static void temporary_name(char *name, size_t i)
{
    char *text CLEANUP_FREE = xasprintf("vm-if%zu", i);
    (void)stpncpy(name, text, IF_NAMESIZE - 1);
}

static void make_way(int fd, const struct target *target, size_t i)
{
    char temporary[IF_NAMESIZE] = "";
    temporary_name(temporary, i);
    if (target->index && !streq(target->before, target->wanted->name))
        (void)rename_interface(fd, target->before, temporary);
}

static void name_interface(int fd, const struct target *target, size_t i)
{
    const char *name = target->wanted->name;
    char *text CLEANUP_FREE = ifname_format(target->wanted);
    char temporary[IF_NAMESIZE] = "";
    temporary_name(temporary, i);
    if (!target->index)
        log_warning("vm.ifname=%s: no network card with that address has appeared", text);
    if (!target->index || streq(target->before, name))
        return;
    int r = rename_interface(fd, temporary, name);
    if (r == 0)
        return;
    log_warning("vm.ifname=%s: the interface %s cannot be renamed: %s", text, target->before,
                r == -EEXIST ? "another interface has that name" : strerror(-r));
    (void)rename_interface(fd, temporary, target->before);
}

void netname_apply(const struct ifname_list *ifnames, struct hotplug *hotplug)
{
    size_t count = ifnames->count;
    if (!count)
        return;
    struct target *targets CLEANUP_FREE = xcalloc(count, sizeof *targets);
    int fd CLEANUP_CLOSE = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int64_t deadline = clock_milliseconds() + TIMEOUT;
    for (size_t i = 0; i < count; i++)
        targets[i].wanted = &ifnames->items[i];
    while (!find(fd, targets, count) && hotplug_wait(hotplug, deadline))
        ;
    for (size_t i = 0; i < count; i++)
        make_way(fd, &targets[i], i);
    for (size_t i = 0; i < count; i++)
        name_interface(fd, &targets[i], i);
}
