/* SPDX-License-Identifier: MIT */
#include "init/exec/user.h"

#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/file.h"
#include "base/strv.h"
#include "base/text.h"

/* The fields of a line that are used: of passwd(5), and of group(5). Name and number have the same
 * place in both. */
enum {
    NAME = 0,
    NUMBER = 2,
    PASSWD_GROUP = 3,
    PASSWD_HOME = 5,
    PASSWD_SHELL = 6,
    PASSWD_FIELDS = 7,
    GROUP_MEMBERS = 3,
    GROUP_FIELDS = 4,
};

void user_free(struct user *user)
{
    free(user->name);
    free(user->home);
    free(user->shell);
    free(user->groups);
    *user = (struct user){0};
}

static bool read_number(const char *text, unsigned int *number)
{
    uint64_t value;
    if (!text_number(text, UINT32_MAX - 1, &value)) /* the largest means "none" */
        return false;
    *number = (unsigned int)value;
    return true;
}

/* Finds the first line whose field `key` is `word`. */
static bool find_line(struct strv *fields, const char *text, size_t count, size_t key,
                      const char *word)
{
    struct strv lines CLEANUP_STRV = {0};
    strv_split(&lines, text, '\n');
    for (size_t i = 0; i < lines.count; i++) {
        strv_free(fields);
        strv_split(fields, lines.items[i], ':');
        if (fields->count >= count && streq(fields->items[key], word))
            return true;
    }
    strv_free(fields);
    return false;
}

/* Finds the line of a name or number; a name goes first, as in chown(1). `number` becomes its
 * number, whether or not it has a line. Returns false for a name without a usable line. */
static bool find_entry(struct strv *fields, const char *text, size_t count, const char *word,
                       unsigned int *number)
{
    if (find_line(fields, text, count, NAME, word))
        return read_number(fields->items[NUMBER], number);
    if (!read_number(word, number))
        return false;
    char *plain CLEANUP_FREE = xasprintf("%u", *number);
    (void)find_line(fields, text, count, NUMBER, plain);
    return true;
}

static void add_groups(struct user *user, const char *group)
{
    struct strv lines CLEANUP_STRV = {0};
    strv_split(&lines, group, '\n');
    for (size_t i = 0; i < lines.count; i++) {
        struct strv fields CLEANUP_STRV = {0};
        struct strv members CLEANUP_STRV = {0};
        gid_t gid;
        strv_split(&fields, lines.items[i], ':');
        if (fields.count < GROUP_FIELDS || !read_number(fields.items[NUMBER], &gid))
            continue;
        strv_split(&members, fields.items[GROUP_MEMBERS], ',');
        if (strv_contains(&members, user->name))
            ARRAY_PUSH(user->groups, user->group_count, gid);
    }
}

static int read_passwd(struct user *user, const char *name, const char *passwd, struct error *e)
{
    struct strv fields CLEANUP_STRV = {0};
    if (!find_entry(&fields, passwd, PASSWD_FIELDS, name, &user->uid))
        return error_set(e, -ENOENT, "%s: the guest has no such user (/etc/passwd)", name);
    if (fields.count == 0)
        return 0;
    user->name = xstrdup(fields.items[NAME]);
    user->home = xstrdup(fields.items[PASSWD_HOME]);
    user->shell = xstrdup(fields.items[PASSWD_SHELL]);
    if (!read_number(fields.items[PASSWD_GROUP], &user->gid))
        return error_set(e, -ENOENT, "%s: /etc/passwd of the guest has no valid group for it",
                         name);
    return 0;
}

static void use_text(char **member, const char *text)
{
    if (*member && **member)
        return;
    free(*member);
    *member = xstrdup(text);
}

int user_find(struct user *user, const char *spec, const char *passwd, const char *group,
              struct error *e)
{
    const char *colon = strchr(spec, ':');
    char *name CLEANUP_FREE = xstrndup(spec, colon ? (size_t)(colon - spec) : strlen(spec));
    struct strv fields CLEANUP_STRV = {0};
    *user = (struct user){0};
    int r = read_passwd(user, name, passwd, e);
    if (r < 0)
        return r;
    use_text(&user->home, "/");
    use_text(&user->shell, "/bin/sh");
    if (user->name)
        add_groups(user, group);
    if (colon && !find_entry(&fields, group, GROUP_FIELDS, colon + 1, &user->gid))
        return error_set(e, -ENOENT, "%s: the guest has no such group (/etc/group)", colon + 1);
    return 0;
}

int user_find_in_root(struct user *user, const char *spec, struct error *e)
{
    /* a root without these files has numbers only */
    char *passwd CLEANUP_FREE = file_read("/etc/passwd", FILE_LIMIT, NULL, NULL);
    char *group CLEANUP_FREE = file_read("/etc/group", FILE_LIMIT, NULL, NULL);
    return user_find(user, spec, passwd ? passwd : "", group ? group : "", e);
}

int user_become(const struct user *user, struct error *e)
{
    /* a stream can be opened again, as /dev/stderr and the terminal by its name, by its owner */
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        (void)!fchown(fd, user->uid, (gid_t)-1);
    if (setgroups(user->group_count, user->groups) < 0 || setgid(user->gid) < 0 ||
        setuid(user->uid) < 0)
        return error_errno(e, errno, "the command cannot become user %u", user->uid);
    return 0;
}
