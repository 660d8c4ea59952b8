/* SPDX-License-Identifier: MIT */
#include "host/config/position.h"

#include <ctype.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "host/system/message.h"

/* True if Nix accepts the name without quotes. */
static bool is_identifier(const char *name)
{
    bool valid = isalpha((unsigned char)*name) || *name == '_';

    for (const char *c = name; *c && valid; c++)
        valid = isalnum((unsigned char)*c) || strchr("_-'", *c);
    return valid;
}

bool position_is_secret(const struct position *at)
{
    return at && (at->secret || position_is_secret(at->within));
}

char *position_path(const struct position *at)
{
    char *within CLEANUP_FREE = at->within ? position_path(at->within) : xstrdup("");

    if (at->entry)
        return xasprintf("%s.<entry %zu>", within, at->entry);
    char *name CLEANUP_FREE = message_clip(at->name, MESSAGE_NAME);
    const char *quote = at->attribute && !is_identifier(at->name) ? "\"" : "";
    return xasprintf("%s%s%s%s%s", within, *within ? "." : "", quote, name, quote);
}
