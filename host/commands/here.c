/* SPDX-License-Identifier: MIT */
#include "host/commands/here.h"

#include <errno.h>
#include <unistd.h>

#include "base/alloc.h"
#include "host/config/guestplace.h"
#include "host/config/setting.h"
#include "host/system/shell.h"

int here_check(const char *directory, struct error *e)
{
    if (guestplace_of(directory) == GUESTPLACE_FREE)
        return 0;
    return error_set(e, -EINVAL,
                     "--here: %s " GUESTPLACE_TAKEN ": start run-vm in a directory of yours, or "
                     "share this one elsewhere (--share %s:/mnt/host)",
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
