/* SPDX-License-Identifier: MIT */
#include "init/stage2/rootnetwork.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/log.h"
#include "base/strv.h"
#include "base/text.h"

#define HOSTNAME    "/etc/hostname"
#define RESOLV_CONF "/etc/resolv.conf"

/* The file that covers the root's. */
#define COVER "/run/run-vm/resolv.conf"

/* The directory of the files that systemd-resolved replaces, and its setting. */
#define RESOLVED_DIRECTORY "/run/systemd/resolve/"
#define RESOLVED_CONF      "/run/systemd/resolved.conf.d/run-vm.conf"

/* Most symlinks that are followed, as in the kernel. */
#define LINKS_MAX 40

/* Bytes of the longest /etc/hostname that is read. */
#define HOSTNAME_LIMIT 4096

/* Returns the name in /etc/hostname, after comments, or NULL; the caller frees. */
static char *read_name(void)
{
    char *text CLEANUP_FREE = file_read(HOSTNAME, HOSTNAME_LIMIT, NULL, NULL);
    struct strv lines CLEANUP_STRV = {0};
    strv_split(&lines, text ? text : "", '\n');
    for (size_t i = 0; i < lines.count; i++) {
        const char *line = lines.items[i] + strspn(lines.items[i], " \t\r");
        size_t length = strcspn(line, " \t\r");
        if (length > 0 && *line != '#')
            return xstrndup(line, length);
    }
    return NULL;
}

void rootnetwork_set_name(const char *name)
{
    char *own CLEANUP_FREE = read_name();
    if (own)
        name = own;
    if (sethostname(name, strlen(name)) < 0)
        log_warning("%s: cannot become the host name: %s", name, strerror(errno));
}

/* Returns the path that a symlink at `path` with that text leads to; the caller frees. Directories
 * on the way are taken as they are called: none of them is a symlink on any known system, but for
 * /var/run. */
static char *join(const char *path, const char *text)
{
    struct strv items CLEANUP_STRV = {0};
    char *kept = xstrdup("");
    if (*text != '/')
        strv_split(&items, path, '/');
    if (items.count)
        strv_push(&items, ".."); /* the link's own name */
    strv_split(&items, text, '/');
    for (size_t i = 0; i < items.count; i++) {
        const char *item = items.items[i];
        char *slash = streq(item, "..") ? strrchr(kept, '/') : NULL;
        if (slash)
            *slash = '\0';
        if (!*item || streq(item, ".") || streq(item, ".."))
            continue;
        char *longer = xasprintf("%s/%s", kept, item);
        free(kept);
        kept = longer;
    }
    return kept;
}

/* Follows the symlinks at RESOLV_CONF, the last of which may be dangling. The caller frees. */
static char *find_target(void)
{
    char *path = xstrdup(RESOLV_CONF);
    char text[PATH_MAX];
    for (int i = 0; i < LINKS_MAX; i++) {
        ssize_t length = readlink(path, text, sizeof text - 1);
        if (length < 0)
            break;
        text[length] = '\0';
        char *next = join(path, text);
        free(path);
        path = next;
    }
    return path;
}

static void make_parents(const char *path)
{
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        char *directory CLEANUP_FREE = xstrndup(path, (size_t)(slash - path));
        (void)mkdir(directory, 0755); /* what fails is told by the file inside */
    }
}

static int write_text(const char *path, const char *text)
{
    make_parents(path);
    int fd CLEANUP_CLOSE = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    return fd < 0 ? -errno : file_write(fd, text, strlen(text));
}

static int cover(const char *path, const char *text)
{
    if (access(path, F_OK) < 0)
        return -errno;
    int r = write_text(COVER, text);
    return r == 0 && mount(COVER, path, "none", MS_BIND, NULL) < 0 ? -errno : r;
}

static bool is_volatile(const char *path)
{
    return startswith(path, "/run/") || startswith(path, "/var/run/");
}

void rootnetwork_set_dns(struct in_addr dns, bool replaceable)
{
    char address[INET_ADDRSTRLEN] = "";
    (void)inet_ntop(AF_INET, &dns, address, sizeof address);
    char *text CLEANUP_FREE =
        xasprintf("# written by run-vm for QEMU's user network\nnameserver %s\n", address);
    char *target CLEANUP_FREE = find_target();
    int r = replaceable || is_volatile(target) ? write_text(target, text) : cover(target, text);
    if (r < 0)
        log_warning("%s: the name server %s cannot be set: %s%s", target, address, strerror(-r),
                    r == -ENOENT ? " (the root is not changed: make an empty file there)" : "");
    if (!startswith(target, RESOLVED_DIRECTORY))
        return;
    /* it replaces the file as soon as it starts */
    char *setting CLEANUP_FREE = xasprintf("[Resolve]\nDNS=%s\n", address);
    (void)write_text(RESOLVED_CONF, setting);
}
