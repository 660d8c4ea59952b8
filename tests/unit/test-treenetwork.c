/* SPDX-License-Identifier: MIT */
#include "host/commands/treenetwork.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

/* Makes a file of the tree, and its directories; a text that begins with "->" makes a link. */
static void make_file(const char *tree, const char *name, const char *text)
{
    char *path CLEANUP_FREE = scratch_path(tree, name);
    const char *link = startswith(text, "->");
    for (char *slash = path + strlen(tree) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        (void)mkdir(path, 0755);
        *slash = '/';
    }
    if (link)
        assert_int_equal(symlink(link, path), 0);
    else
        scratch_write(tree, name, text);
}

static void a_manager_is_seen_where_it_is_enabled(void **state)
{
    (void)state;
    static const char wants[] = "etc/systemd/system/multi-user.target.wants/";
    static const struct {
        const char *directory;
        const char *name;
        const char *text;
        bool managed;
    } cases[] = {
        {wants, "systemd-networkd.service", "->/lib/systemd/system/systemd-networkd.service", true},
        {wants, "NetworkManager.service", "->/nowhere", true},
        {wants, "ssh.service", "->/lib/systemd/system/ssh.service", false},
        /* the files of Debian's ifupdown, as its installation leaves them */
        {wants, "networking.service", "->/lib/systemd/system/networking.service", false},
        {"etc/systemd/system/network-online.target.wants/", "networking.service",
         "->/lib/systemd/system/networking.service", false},
        {"etc/network/", "interfaces", "source /etc/network/interfaces.d/*\n", false},
        {"lib/systemd/system/", "systemd-networkd.service", "[Unit]\n", false},
        {"usr/lib/systemd/system/multi-user.target.wants/", "dhcpcd.service", "->../x", true},
        {"etc/runlevels/default/", "connman", "->/etc/init.d/connman", true},
        {"etc/", "NIXOS", "", false},
        {"nix/var/nix/profiles/", "system", "->system-1-link", true},
        {"etc/netplan/", "50-cloud.yaml", "network:\n", true},
        {"etc/netplan/", "README", "", false},
        {"etc/systemd/network/", "lan.network", "[Match]\n", true},
        {"etc/systemd/network/", "lan.link", "[Match]\n", false},
        {"etc/network/", "interfaces", "auto lo\niface lo inet loopback\n", false},
        {"etc/network/", "interfaces", "iface\tlo inet loopback\n# iface eth0 inet dhcp\n", false},
        {"etc/network/", "interfaces", "auto eth0\n  iface eth0 inet dhcp\n", true},
        {"etc/network/", "interfaces", "iface lowpan0 inet dhcp\n", true},
        {"etc/network/interfaces.d/", "setup", "iface enp0s2 inet dhcp\n", true},
        {"etc/", "hostname", "debian\n", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *tree CLEANUP(scratch_free) = scratch_new();
        char *name CLEANUP_FREE = xasprintf("%s%s", cases[i].directory, cases[i].name);
        make_file(tree, name, cases[i].text);
        if (treenetwork_is_managed(tree) != cases[i].managed)
            fail_msg("%s: managed is not %d", name, cases[i].managed);
    }
    assert_false(treenetwork_is_managed("/nowhere"));
}

static void a_guest_is_named_after_its_tree(void **state)
{
    (void)state;
    static const struct {
        const char *tree;
        const char *name;
    } cases[] = {
        {"/nowhere/bookworm", "bookworm"}, {"/nowhere/my tree_1.0/", "my-tree-1-0"},
        {"/nowhere/.hidden.", "hidden"},   {"/", "tree"},
        {"/nowhere/\303\244", "tree"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *name CLEANUP_FREE = treenetwork_host_name(cases[i].tree);
        assert_string_equal(name, cases[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_manager_is_seen_where_it_is_enabled),
        cmocka_unit_test(a_guest_is_named_after_its_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
