/* SPDX-License-Identifier: MIT */
#include "host/plan/guestcommand.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "common/frame.h"

void guestcommand_free(struct guestcommand *command)
{
    strv_free(&command->arguments);
    strv_free(&command->variables);
    free(command->directory);
    free(command->user);
    *command = (struct guestcommand){0};
}

static int check_lengths(const struct strv *texts, const char *what, struct error *e)
{
    for (size_t i = 0; i < texts->count; i++)
        if (strlen(texts->items[i]) >= FRAME_MAX)
            return error_set(e, -EINVAL,
                             "%s %zu is %zu bytes long, expected fewer than %d: Linux takes no "
                             "longer one",
                             what, i, strlen(texts->items[i]), FRAME_MAX);
    return 0;
}

static const char *find_variable(char *const *environment, const char *name)
{
    size_t length = strlen(name);
    for (; *environment; environment++)
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
            return *environment;
    return NULL;
}

static int add_variable(struct guestcommand *resolved, const char *variable,
                        char *const *environment, struct error *e)
{
    if (*variable == '\0' || *variable == '=')
        return error_set(e, -EINVAL, "--env: \"%s\" has no name, expected NAME=VALUE or NAME",
                         variable);
    const char *found = strchr(variable, '=') ? variable : find_variable(environment, variable);
    if (found)
        strv_push(&resolved->variables, found);
    return 0;
}

/* The guest looks the names up; it has the files. */
static int check_user(const char *user, struct error *e)
{
    const char *colon = strchr(user, ':');
    if (strlen(user) < FRAME_MAX && *user && *user != ':' &&
        !(colon && (!colon[1] || strchr(colon + 1, ':'))))
        return 0;
    return error_set(
        e, -EINVAL, "--user: is \"%.100s\", expected NAME[:GROUP] or UID[:GID] of the guest", user);
}

int guestcommand_resolve(struct guestcommand *resolved, const struct guestcommand *given,
                         char *const *environment, struct error *e)
{
    strv_extend(&resolved->arguments, &given->arguments);
    resolved->directory = xstrdup(given->directory);
    resolved->user = xstrdup(given->user);
    if (given->directory && (*given->directory != '/' || strlen(given->directory) >= FRAME_MAX))
        return error_set(e, -EINVAL, "--cwd: is \"%.100s\", expected an absolute path in the guest",
                         given->directory);
    int r = given->user ? check_user(given->user, e) : 0;
    for (size_t i = 0; r == 0 && i < given->variables.count; i++)
        r = add_variable(resolved, given->variables.items[i], environment, e);
    if (r == 0)
        r = check_lengths(&resolved->variables, "--env: variable", e);
    return r == 0 ? check_lengths(&resolved->arguments, "--exec: argument", e) : r;
}
