/* SPDX-License-Identifier: MIT */
#include "host/commands/here.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/config/setting.h"
#include "host/system/path.h"
#include "host/system/shell.h"

/* Directories of a guest that it cannot do without, that are mounts of its own, or that it empties
 * when it boots. */
static const struct {
    const char *path;
    bool below; /* the directories in it, too, but for `except` */
} systems[] = {
    {"/", false},    {"/bin", true},      {"/boot", true},  {"/dev", true},      {"/etc", true},
    {"/lib", true},  {"/lib32", true},    {"/lib64", true}, {"/libx32", true},   {"/nix", true},
    {"/proc", true}, {"/run", true},      {"/sbin", true},  {"/sys", true},      {"/usr", true},
    {"/var", false}, {"/var/lib", false}, {"/tmp", false},  {"/var/tmp", false},
};

/* Directories in these that people work in. */
static const char *const except[] = {"/etc/nixos", "/usr/src", "/usr/local/src"};

/* True if the path is the directory or, with `below`, inside it. */
static bool is_in(const char *path, const char *directory, bool below)
{
    const char *rest = path_is_same(directory, "/") ? NULL : startswith(path, directory);

    return path_is_same(path, directory) || (below && rest && *rest == '/');
}

static bool is_system(const char *path)
{
    for (size_t i = 0; i < ELEMENTS(except); i++)
        if (is_in(path, except[i], true))
            return false;
    for (size_t i = 0; i < ELEMENTS(systems); i++)
        if (is_in(path, systems[i].path, systems[i].below))
            return true;
    return false;
}

int here_check(const char *directory, struct error *e)
{
    if (!is_system(directory))
        return 0;
    return error_set(e, -EINVAL,
                     "--here: %s would take the place of a directory that the guest's own system "
                     "needs or empties: start run-vm in a directory of yours, or share this one "
                     "elsewhere (--share %s:/mnt/host)",
                     directory, directory);
}

int here_configure(struct config *config, struct guestcommand *command, struct error *e)
{
    char *cwd CLEANUP_FREE = getcwd(NULL, 0);

    if (!cwd)
        return error_errno(e, errno, "--here: the working directory");
    int r = here_check(cwd, e);
    if (r < 0)
        return r;
    char *source CLEANUP_FREE = shell_quote(cwd);
    struct setting_value value CLEANUP_SETTING_VALUE = {
        .option = xstrdup("virtualisation.sharedDirectories.here"),
        .value = json_pack("{s:s, s:s, s:b, s:s}", "source", source, "target", cwd, "writable", 1,
                           "securityModel", "none"),
    };

    if (!value.value)
        return error_set(e, -EINVAL, "--here: %s: is not UTF-8", cwd);
    if (!command->directory && command->arguments.count)
        command->directory = xstrdup(cwd);
    return setting_add_value(config, "--here", &value, e);
}
