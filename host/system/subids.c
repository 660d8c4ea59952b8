/* SPDX-License-Identifier: MIT */
#include "host/system/subids.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

/* The largest file, in bytes. */
#define SIZE_LIMIT ((size_t)1 << 20)

/* Parses "FIRST:COUNT". */
static struct subids parse_range(const char *text)
{
    struct subids ids = {0};
    char after;
    bool whole = sscanf(text, "%u:%u%c", &ids.first, &ids.count, &after) == 2;
    return whole && ids.first > 0 && ids.count < -ids.first ? ids : (struct subids){0};
}

struct subids subids_find(const char *text, uid_t user, const char *name)
{
    char *copy CLEANUP_FREE = xstrdup(text);
    char *number CLEANUP_FREE = xasprintf("%u", user);
    char *rest = copy;
    for (char *line; (line = strsep(&rest, "\n"));) {
        char *colon = strchr(line, ':');
        if (!colon)
            continue;
        *colon = '\0';
        struct subids ids = parse_range(colon + 1);
        if (ids.count > 0 && (streq(line, number) || (name && streq(line, name))))
            return ids;
    }
    return (struct subids){0};
}

struct subids subids_read(const char *path, uid_t user)
{
    char *text CLEANUP_FREE = file_read(path, SIZE_LIMIT, NULL, NULL);
    const struct passwd *account = getpwuid(user);
    return text ? subids_find(text, user, account ? account->pw_name : NULL) : (struct subids){0};
}

bool subids_contain(const struct subids *ids, unsigned int id)
{
    return id >= ids->first && id - ids->first < ids->count;
}
