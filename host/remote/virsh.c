/* SPDX-License-Identifier: MIT */
#include "host/remote/virsh.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "base/text.h"
#include "host/system/process.h"
#include "host/system/shell.h"

/* Runs virsh and returns its output; the caller frees. NULL with the reason. */
static char *capture(const char *uri, const char *command, va_list words, bool silent,
                     struct error *e)
{
    static const char *const leading[] = {"virsh", "--quiet", "--connect"};
    struct strv argv CLEANUP_STRV = {0};
    struct strv environment CLEANUP_STRV = {0};

    for (size_t i = 0; i < ELEMENTS(leading); i++)
        strv_push(&argv, leading[i]);
    strv_push(&argv, uri);
    for (const char *word = command; word; word = va_arg(words, const char *))
        strv_push(&argv, word);
    strv_push(&environment, "LC_ALL=C");
    const struct process process = {
        .argv = &argv, .environment = &environment, .silent = silent, .input = -1};
    char *output = process_capture(&process, NULL, e);
    if (!output && e && e->status != STATUS_UNAVAILABLE && e->status <= 128) {
        (void)error_context(e, -EPROTO, "%s: %.*s", uri, (int)strcspn(command, ";"), command);
        e->status = STATUS_UNAVAILABLE;
    }
    return output;
}

char *virsh_call(const struct virsh *virsh, struct error *e, const char *command, ...)
{
    va_list words;

    va_start(words, command);
    char *output = capture(virsh->uri, command, words, false, e);
    va_end(words);
    return output;
}

char *virsh_ask(const struct virsh *virsh, const char *command, ...)
{
    va_list words;

    va_start(words, command);
    char *output = capture(virsh->uri, command, words, true, NULL);
    va_end(words);
    return output;
}

/* Reads DRIVER[+TRANSPORT]://[AUTHORITY]/PATH[?PARAMETERS]. Returns 0, or -EINVAL with the reason.
 */
static int read_uri(struct virsh *virsh, struct error *e)
{
    const char *authority = strstr(virsh->uri, "://");
    const char *path = authority ? strchr(authority + 3, '/') : NULL;
    bool is_qemu = strcspn(virsh->uri, "+:") == strlen("qemu") && startswith(virsh->uri, "qemu");
    size_t length = path ? strcspn(path + 1, "?") : 0;
    bool is_system = path && length == strlen("system") && startswith(path + 1, "system");

    virsh->is_session = path && length == strlen("session") && startswith(path + 1, "session");
    virsh->is_local = path == authority + 3;
    if (is_qemu && (is_system || virsh->is_session))
        return 0;
    (void)error_set(e, -EINVAL,
                    "--connect: %s: is no libvirt that run-vm knows; expected "
                    "qemu+ssh://HOST/system, qemu:///system or qemu:///session",
                    virsh->uri);
    return error_status(e, -EINVAL, STATUS_USAGE);
}

int virsh_open(struct virsh *virsh, const char *uri, struct error *e)
{
    const struct virsh given = {.uri = xstrdup(uri)};
    char *output CLEANUP_FREE = virsh_call(&given, e, "uri; hostname; list --name", NULL);
    struct strv lines CLEANUP_STRV = {0};

    free(given.uri);
    if (!output)
        return -EPROTO;
    strv_split(&lines, output, '\n');
    if (lines.count < 2)
        return error_set(e, -EPROTO, "%s: does not say what it is", uri);
    virsh->uri = xstrdup(lines.items[0]);
    virsh->word = shell_quote(virsh->uri);
    int r = read_uri(virsh, e);
    virsh->host =
        xasprintf("qemu://%s/%s", lines.items[1], virsh->is_session ? "session" : "system");
    for (size_t i = 2; i < lines.count; i++)
        if (lines.items[i][0])
            strv_push(&virsh->running, lines.items[i]);
    return r;
}

void virsh_close(struct virsh *virsh)
{
    free(virsh->uri);
    free(virsh->word);
    free(virsh->host);
    strv_free(&virsh->running);
    *virsh = (struct virsh){0};
}

char *virsh_field(const char *output, const char *key)
{
    for (const char *line = output; *line;) {
        const char *end = strchrnul(line, '\n');
        const char *rest = startswith(line, key);

        if (rest && *rest == ':') {
            rest += 1 + strspn(rest + 1, " ");
            size_t length = end > rest ? (size_t)(end - rest) : 0;
            while (length && rest[length - 1] == ' ')
                length--;
            return xstrndup(rest, length);
        }
        line = *end ? end + 1 : end;
    }
    return NULL;
}

char *virsh_record(const char *output, const char *name)
{
    static const char key[] = "\nName:";
    const char *record = startswith(output, key + 1) ? output : strstr(output, key);

    while (record) {
        const char *next = strstr(record + 1, key);
        char *copy CLEANUP_FREE =
            next ? xstrndup(record, (size_t)(next - record)) : xstrdup(record);
        char *own CLEANUP_FREE = virsh_field(copy, "Name");

        if (own && streq(own, name))
            return TAKE(copy);
        record = next;
    }
    return NULL;
}

bool virsh_lists(const char *output, const char *name)
{
    for (const char *line = output; *line;) {
        const char *end = strchrnul(line, '\n');
        const char *rest = startswith(line, name);

        if (rest && rest + strspn(rest, " ") == end)
            return true;
        line = *end ? end + 1 : end;
    }
    return false;
}
