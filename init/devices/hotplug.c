/* SPDX-License-Identifier: MIT */
#include "init/devices/hotplug.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "init/devices/uevent.h"

/* Each device with a modalias is on a bus, so that only /sys/bus is read; except the modalias that
 * all processors share, which is not below a processor's directory. */
#define BUSES      "/sys/bus"
#define PROCESSORS "/sys/devices/system/cpu"

static DIR *open_directory(int at, const char *path)
{
    int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (fd >= 0 && !directory)
        (void)close(fd);
    return directory;
}

static void close_directory(DIR **directory)
{
    if (*directory)
        (void)closedir(*directory);
}

/* Loads the modules of a device. Ignores one that vanished after it was listed. */
static void load_for_device(struct modules *modules, int bus, const char *device)
{
    char path[NAME_MAX + sizeof "/modalias"];
    char *end = stpncpy(path, device, NAME_MAX);
    (void)stpcpy(end, "/modalias");
    int fd CLEANUP_CLOSE = openat(bus, path, O_RDONLY | O_CLOEXEC);
    char alias[4096];
    ssize_t n = fd < 0 ? -1 : read(fd, alias, sizeof alias - 1);
    if (n <= 1)
        return;
    alias[n] = '\0';
    alias[strcspn(alias, "\n")] = '\0';
    (void)modules_load(modules, alias);
}

static void walk_bus(struct modules *modules, int buses, const char *bus)
{
    char *path CLEANUP_FREE = xasprintf("%s/devices", bus);
    DIR *devices CLEANUP(close_directory) = open_directory(buses, path);
    for (const struct dirent *device; devices && (device = readdir(devices));)
        if (device->d_name[0] != '.')
            load_for_device(modules, dirfd(devices), device->d_name);
}

static int walk_buses(struct modules *modules, struct error *e)
{
    DIR *buses CLEANUP(close_directory) = open_directory(AT_FDCWD, BUSES);
    if (!buses)
        return error_errno(e, errno, "%s: devices cannot be listed", BUSES);
    for (const struct dirent *bus; (bus = readdir(buses));)
        if (bus->d_name[0] != '.')
            walk_bus(modules, dirfd(buses), bus->d_name);
    load_for_device(modules, AT_FDCWD, PROCESSORS);
    return 0;
}

static void handle(const struct uevent *event, void *data)
{
    struct hotplug *hotplug = data;
    if (event->subsystem && streq(event->subsystem, "block"))
        hotplug->block = true;
    if (event->modalias && event->action && streq(event->action, "add"))
        (void)modules_load(hotplug->modules, event->modalias);
}

void hotplug_settle(struct hotplug *hotplug)
{
    int r;
    do {
        r = uevent_receive(hotplug->fd, handle, hotplug);
        if (r == -ENOBUFS) {
            hotplug->block = true;
            (void)walk_buses(hotplug->modules, NULL);
        }
    } while (r > 0 || r == -ENOBUFS);
    if (r < 0)
        log_warning("device events of the kernel: cannot be received: %s", strerror(-r));
}

int hotplug_start(struct hotplug *hotplug, struct modules *modules, struct error *e)
{
    *hotplug = (struct hotplug){.fd = uevent_open(e), .modules = modules, .block = true};
    if (hotplug->fd < 0)
        return hotplug->fd;
    int r = modules->kmod ? walk_buses(modules, e) : 0;
    if (r == 0)
        hotplug_settle(hotplug);
    return r;
}

bool hotplug_wait(struct hotplug *hotplug, int64_t deadline)
{
    struct pollfd poller = {.fd = hotplug->fd, .events = POLLIN};
    for (;;) {
        int left = clock_left(deadline);
        if (left == 0)
            return false;
        int ready = poll(&poller, 1, left);
        if (ready > 0) {
            hotplug_settle(hotplug);
            return true;
        }
        if (ready < 0 && errno != EINTR)
            return false;
    }
}

void hotplug_stop(struct hotplug *hotplug)
{
    cleanup_close(&hotplug->fd);
}
