/* SPDX-License-Identifier: MIT */
#include "host/config/release.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "common/store.h"

/* From nixos/modules/virtualisation/qemu-vm.nix as each release has it. */
static const struct release releases[] = {
    /* name, writable_follows_host, root_by_label, store_target, store_upper, security_model,
     * shares_writable, transport, arm_display */
    {"22.11", false, false, STORE_DIR, "store", "none", true, "9p", true},
    {"23.05", true, false, STORE_DIR, "store", "none", true, "9p", true},
    {"23.11", true, true, STORE_DIR, "store", "none", true, "9p", true},
    {"24.05", true, true, STORE_LOWER_DIR, "upper", "mapped-xattr", true, "9p", true},
    {"24.11", true, true, STORE_LOWER_DIR, "upper", "mapped-xattr", true, "9p", true},
    {"25.05", true, true, STORE_LOWER_DIR, "upper", "mapped-xattr", true, "9p", true},
    {"25.11", true, true, STORE_LOWER_DIR, "upper", "mapped-xattr", true, "9p", true},
    {"26.05", true, true, STORE_LOWER_DIR, "upper", "mapped-xattr", true, "9p", true},
    {"26.11", true, true, STORE_LOWER_DIR, "upper", "none", false, "virtiofs", false},
};

const char *const release_names[] = {"22.11", "23.05", "23.11", "24.05", "24.11",
                                     "25.05", "25.11", "26.05", "26.11", NULL};

/* A test compares these sentences with the rows above: each release that differs from the one
 * before it has some, and no other release. */
const struct release_change release_changes[] = {
    {"23.05", "writableStore is by default what mountHostNixStore is, not always true."},
    {"23.11", "The root is found by its label, nixos, instead of by the name of the first drive. "
              "The root's drive has the serial number root and is the first to boot."},
    {"24.05", "The built-in share nix-store has the target /nix/.ro-store instead of /nix/store."},
    {"24.05", "The upper layer of the store's overlay is /nix/.rw-store/upper instead of "
              "/nix/.rw-store/store."},
    {"24.05", "securityModel is by default mapped-xattr, not none, except for built-in shares."},
    {"26.11", "Shares are served over virtiofs instead of 9p."},
    {"26.11", "Shares are read-only by default, except for xchg and shared."},
    {"26.11", "A guest of ARM has no display adapter, unless qemu.options add one."},
    {"26.11", "securityModel is by default none, where a share is served over 9p after all."},
};
const size_t release_change_count = ELEMENTS(release_changes);

const struct release *release_find(const char *name)
{
    for (size_t i = 0; i < ELEMENTS(releases); i++)
        if (streq(releases[i].name, name))
            return &releases[i];
    return &releases[0];
}
