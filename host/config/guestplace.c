/* SPDX-License-Identifier: MIT */
#include "host/config/guestplace.h"

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "host/system/path.h"

static const struct {
    const char *path;
    enum guestplace kind;
    bool below; /* the directories in it are GUESTPLACE_INSIDE, but for `except` */
} places[] = {
    {"/", GUESTPLACE_NEEDED, false},         {"/bin", GUESTPLACE_NEEDED, true},
    {"/boot", GUESTPLACE_NEEDED, true},      {"/dev", GUESTPLACE_NEEDED, true},
    {"/etc", GUESTPLACE_NEEDED, true},       {"/lib", GUESTPLACE_NEEDED, true},
    {"/lib32", GUESTPLACE_NEEDED, true},     {"/lib64", GUESTPLACE_NEEDED, true},
    {"/libx32", GUESTPLACE_NEEDED, true},    {"/nix", GUESTPLACE_NEEDED, true},
    {"/proc", GUESTPLACE_NEEDED, true},      {"/run", GUESTPLACE_EMPTIED, true},
    {"/sbin", GUESTPLACE_NEEDED, true},      {"/sys", GUESTPLACE_NEEDED, true},
    {"/usr", GUESTPLACE_NEEDED, true},       {"/var", GUESTPLACE_NEEDED, false},
    {"/var/lib", GUESTPLACE_NEEDED, false},  {"/tmp", GUESTPLACE_EMPTIED, false},
    {"/var/tmp", GUESTPLACE_EMPTIED, false},
};

/* Directories in these that people work in. */
static const char *const except[] = {"/etc/nixos", "/usr/src", "/usr/local/src"};

/* True if the path is inside the directory. */
static bool is_inside(const char *path, const char *directory)
{
    const char *rest = path_is_same(directory, "/") ? NULL : startswith(path, directory);
    return rest && *rest == '/';
}

enum guestplace guestplace_of(const char *path)
{
    for (size_t i = 0; i < ELEMENTS(except); i++)
        if (path_is_same(path, except[i]) || is_inside(path, except[i]))
            return GUESTPLACE_FREE;
    for (size_t i = 0; i < ELEMENTS(places); i++) {
        if (path_is_same(path, places[i].path))
            return places[i].kind;
        if (places[i].below && is_inside(path, places[i].path))
            return GUESTPLACE_INSIDE;
    }
    return GUESTPLACE_FREE;
}
