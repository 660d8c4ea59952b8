/* SPDX-License-Identifier: MIT */
#include "host/commands/treenetwork.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/strv.h"
#include "base/text.h"
#include "host/system/path.h"

/* Bytes of the longest host name (RFC 1035). */
#define NAME_MAX_BYTES 63

/* Largest /etc/network/interfaces that is read. */
#define INTERFACES_LIMIT (1 << 20)

/* The directories in which systemd's units are enabled, by the administrator and by the system. */
static const char *const unit_directories[] = {"etc/systemd/system", "usr/lib/systemd/system",
                                               "lib/systemd/system"};

/* Units that are enabled by a link in a target's directory. ifupdown's networking.service says
 * nothing: the package enables it, without an interface to set up. */
static const char *const units[] = {
    "multi-user.target.wants/systemd-networkd.service",
    "sockets.target.wants/systemd-networkd.socket",
    "multi-user.target.wants/NetworkManager.service",
    "multi-user.target.wants/dhcpcd.service",
    "multi-user.target.wants/connman.service",
    "multi-user.target.wants/wicked.service",
    "multi-user.target.wants/iwd.service",
};

/* Paths of other systems: OpenRC's default runlevels, runit's services, NixOS. */
static const char *const paths[] = {
    "etc/runlevels/default/dhcpcd",      "etc/runlevels/default/NetworkManager",
    "etc/runlevels/default/connman",     "etc/runlevels/default/networkmanager",
    "etc/runit/runsvdir/default/dhcpcd", "etc/runit/runsvdir/default/NetworkManager",
    "nix/var/nix/profiles/system", /* earlier versions of init made /etc/NIXOS in every root */
};

/* Directories whose files are a configuration. */
static const struct {
    const char *directory;
    const char *suffix;
} configurations[] = {
    {"etc/netplan", ".yaml"},
    {"lib/netplan", ".yaml"},
    {"etc/systemd/network", ".network"},
    {"etc/NetworkManager/system-connections", ".nmconnection"},
};

static bool exists(int tree, const char *path)
{
    struct stat st;

    return fstatat(tree, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool has_unit(int tree)
{
    for (size_t i = 0; i < ELEMENTS(unit_directories); i++)
        for (size_t j = 0; j < ELEMENTS(units); j++) {
            char *path CLEANUP_FREE = xasprintf("%s/%s", unit_directories[i], units[j]);

            if (exists(tree, path))
                return true;
        }
    return false;
}

static bool has_path(int tree)
{
    for (size_t i = 0; i < ELEMENTS(paths); i++)
        if (exists(tree, paths[i]))
            return true;
    return false;
}

/* Appends the files of a directory whose names have the suffix. */
static void list(struct strv *files, int tree, const char *directory, const char *suffix)
{
    int fd = openat(tree, directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *open = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;

    if (!open)
        return;
    while ((entry = readdir(open)))
        if (*entry->d_name != '.' && endswith(entry->d_name, suffix))
            strv_pushf(files, "%s/%s", directory, entry->d_name);
    (void)closedir(open);
}

static bool has_configuration(int tree)
{
    struct strv files CLEANUP_STRV = {0};

    for (size_t i = 0; i < ELEMENTS(configurations); i++)
        list(&files, tree, configurations[i].directory, configurations[i].suffix);
    return files.count > 0;
}

/* True if the line of interfaces(5) describes an interface besides the loopback. */
static bool is_stanza(const char *line)
{
    line += strspn(line, " \t");
    const char *rest = startswith(line, "iface");

    if (!rest || !*rest || !strchr(" \t", *rest))
        return false;
    rest += strspn(rest, " \t");
    return strcspn(rest, " \t") != 2 || !startswith(rest, "lo");
}

/* True if ifupdown, or BusyBox's, has an interface to set up. */
static bool has_stanza(int tree)
{
    struct strv files CLEANUP_STRV = {0};

    strv_push(&files, "etc/network/interfaces");
    list(&files, tree, "etc/network/interfaces.d", "");
    for (size_t i = 0; i < files.count; i++) {
        struct strv lines CLEANUP_STRV = {0};
        char *text CLEANUP_FREE =
            file_read_at(tree, files.items[i], O_NOFOLLOW, INTERFACES_LIMIT, NULL, NULL);

        strv_split(&lines, text ? text : "", '\n');
        for (size_t j = 0; j < lines.count; j++)
            if (is_stanza(lines.items[j]))
                return true;
    }
    return false;
}

bool treenetwork_is_managed(const char *tree)
{
    int fd CLEANUP_CLOSE = open(tree, O_PATH | O_DIRECTORY | O_CLOEXEC);

    return fd >= 0 && (has_unit(fd) || has_path(fd) || has_configuration(fd) || has_stanza(fd));
}

char *treenetwork_host_name(const char *tree)
{
    char *real CLEANUP_FREE = realpath(tree, NULL);
    char *last CLEANUP_FREE = path_last_name(real ? real : tree);
    char name[NAME_MAX_BYTES + 1] = "";
    size_t length = 0;

    for (const char *c = last; *c && length < NAME_MAX_BYTES; c++) {
        bool usable = isascii((unsigned char)*c) && isalnum((unsigned char)*c);

        if (usable || length > 0) /* it begins with a letter or digit */
            name[length++] = usable ? *c : '-';
    }
    while (length > 0 && name[length - 1] == '-')
        name[--length] = '\0';
    return xstrdup(*name ? name : "tree");
}
