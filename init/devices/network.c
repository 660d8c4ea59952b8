/* SPDX-License-Identifier: MIT */
#include "init/devices/network.h"

#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

/* Time for the card to appear, in milliseconds. Its module has been loaded long before. */
#define TIMEOUT 2000

static struct ifreq request_for(const char *name)
{
    struct ifreq request = {0};
    (void)memcpy(request.ifr_name, name, strnlen(name, IF_NAMESIZE - 1));
    return request;
}

static int set_up(int fd, const char *name)
{
    struct ifreq request = request_for(name);
    if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
        return -errno;
    request.ifr_flags |= IFF_UP;
    return ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;
}

static void put_address(struct sockaddr *where, struct in_addr address)
{
    const struct sockaddr_in internet = {.sin_family = AF_INET, .sin_addr = address};
    (void)memcpy(where, &internet, sizeof internet);
}

static int set_address(int fd, const char *name, unsigned long what, struct in_addr address)
{
    struct ifreq request = request_for(name);
    put_address(&request.ifr_addr, address);
    return ioctl(fd, (int)what, &request) < 0 ? -errno : 0;
}

static int add_route(int fd, char *name, struct in_addr gateway)
{
    struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY, .rt_dev = name};
    const struct in_addr any = {INADDR_ANY};
    put_address(&route.rt_dst, any);
    put_address(&route.rt_genmask, any);
    put_address(&route.rt_gateway, gateway);
    return ioctl(fd, SIOCADDRT, &route) < 0 ? -errno : 0;
}

static int open_socket(void)
{
    return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static bool is_named(const struct ifname_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (streq(list->items[i].name, name))
            return true;
    return false;
}

static bool is_card(int fd, const char *name)
{
    struct ifreq request = request_for(name);
    return ioctl(fd, SIOCGIFHWADDR, &request) == 0 && request.ifr_hwaddr.sa_family == ARPHRD_ETHER;
}

/* Finds the card with the lowest index, the first that was registered. */
static bool find_card(int fd, const struct ifname_list *virtual, char name[IF_NAMESIZE])
{
    struct if_nameindex *interfaces = if_nameindex();
    unsigned int first = 0;
    for (const struct if_nameindex *i = interfaces; i && i->if_index; i++)
        if ((!first || i->if_index < first) && !is_named(virtual, i->if_name) &&
            is_card(fd, i->if_name)) {
            first = i->if_index;
            (void)memset(name, 0, IF_NAMESIZE);
            (void)memcpy(name, i->if_name, strnlen(i->if_name, IF_NAMESIZE - 1));
        }
    if (interfaces)
        if_freenameindex(interfaces);
    return first > 0;
}

/* True if the card has an address: the kernel's own ip= or an initrd's program gave it. */
static bool has_address(int fd, const char *name)
{
    struct ifreq request = request_for(name);
    request.ifr_addr.sa_family = AF_INET;
    return ioctl(fd, SIOCGIFADDR, &request) == 0;
}

static int configure_card(int fd, char *name, const struct netspec *spec)
{
    int r = set_address(fd, name, SIOCSIFADDR, spec->address);
    if (r == 0)
        r = set_address(fd, name, SIOCSIFNETMASK, netspec_mask(spec->prefix));
    if (r == 0)
        r = set_up(fd, name);
    return r == 0 && spec->gateway.s_addr ? add_route(fd, name, spec->gateway) : r;
}

void network_start_loopback(void)
{
    int fd CLEANUP_CLOSE = open_socket();
    int r = fd < 0 ? -errno : set_up(fd, "lo");
    if (r < 0)
        log_warning("lo: the interface cannot be set up: %s", strerror(-r));
}

/* Finds the first card, waiting briefly for it. Returns false if none has appeared. */
static bool await_card(int fd, const struct ifname_list *virtual, struct hotplug *hotplug,
                       char name[IF_NAMESIZE])
{
    int64_t deadline = clock_milliseconds() + TIMEOUT;
    while (!find_card(fd, virtual, name))
        if (!hotplug_wait(hotplug, deadline))
            return false;
    return true;
}

void network_set_mac(const unsigned char mac[6], const struct ifname_list *virtual,
                     struct hotplug *hotplug)
{
    char name[IF_NAMESIZE] = "";
    int fd CLEANUP_CLOSE = open_socket();
    if (!(hotplug ? await_card(fd, virtual, hotplug, name) : find_card(fd, virtual, name)))
        return;
    struct ifreq request = request_for(name);
    request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
    (void)memcpy(request.ifr_hwaddr.sa_data, mac, 6);
    if (ioctl(fd, SIOCSIFHWADDR, &request) < 0)
        log_warning("vm.warm: %s keeps its hardware address: %s", name, strerror(errno));
}

void network_configure(const struct netspec *spec, const struct ifname_list *virtual,
                       struct hotplug *hotplug)
{
    char name[IF_NAMESIZE] = "";
    char *text CLEANUP_FREE = netspec_format(spec);
    int fd CLEANUP_CLOSE = open_socket();
    if (!await_card(fd, virtual, hotplug, name)) {
        log_warning("vm.network=%s: no network card has appeared", text);
        return;
    }
    int r = has_address(fd, name) ? 0 : configure_card(fd, name, spec);
    if (r < 0)
        log_warning("vm.network=%s: %s cannot be configured: %s", text, name, strerror(-r));
}
