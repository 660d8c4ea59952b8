/* SPDX-License-Identifier: MIT */
#include "host/run/virtiofsdargv.h"

#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

/* Shares that an option is for. */
enum shares { ALL, READ_ONLY, UNCHANGING, ANNOUNCED, UNANNOUNCED };

/* Options besides the directory, the socket and the owners. nixpkgs' qemu-vm.nix turns the sandbox
 * off, and for all shares --cache=always and --writeback on: the guest then never sees that the
 * host has changed a file, and the host sees what the guest has written when the file is closed, or
 * not at all if the machine ends first. Here only the store is cached like that. */
static const struct {
    enum shares shares;
    const char *option; /* left out if the program does not know it */
    const char *value;  /* "" without one */
    const char *qemus;  /* the same as a -o of QEMU's own; NULL: it has none */
} options[] = {
    {ALL, "--log-level", "=warn", "log_level=warn"},
    {READ_ONLY, "--readonly", "", NULL},
    {UNCHANGING, "--cache", "=always", "cache=always"},
    {ANNOUNCED, "--announce-submounts", "", "announce_submounts"},
    {UNANNOUNCED, "--no-announce-submounts", "", NULL},
};

static bool is_for(enum shares shares, const struct plan_server *server)
{
    const bool matches[] = {
        [ALL] = true,
        [READ_ONLY] = server->read_only,
        [UNCHANGING] = server->unchanging,
        [ANNOUNCED] = server->announce,
        [UNANNOUNCED] = !server->announce,
    };

    return matches[shares];
}

bool virtiofsdargv_is_qemus(const struct virtiofsdargv *host)
{
    return !strstr(host->help, "--shared-dir");
}

bool virtiofsdargv_can_be_unconfined(const struct virtiofsdargv *host)
{
    return !virtiofsdargv_is_qemus(host) && strstr(host->help, "--readonly");
}

static void push_qemus(struct strv *argv, const char *option)
{
    strv_push(argv, "-o");
    strv_push(argv, option);
}

static void build_qemus(struct strv *argv, const struct plan_server *server, const char *directory)
{
    /* in -o a backslash escapes */
    char *escaped CLEANUP_FREE = text_escape(directory, ",\\", TEXT_BACKSLASH);
    char *source CLEANUP_FREE = xasprintf("source=%s", escaped);

    strv_push(argv, "-f");
    push_qemus(argv, source);
    for (size_t i = 0; i < ELEMENTS(options); i++)
        if (options[i].qemus && is_for(options[i].shares, server))
            push_qemus(argv, options[i].qemus);
}

/* Appends how owners on the host, as the server sees them, and in the guest correspond. In the user
 * namespace of an ordinary user, as in the sandbox of Nix, every other owner is nobody, 65534: the
 * store's files must be root's in the guest. The user's own files are root's in the namespace, and
 * get the user's number back; that user owns whatever any user of the guest creates. */
static void push_owners(const struct virtiofsdargv *host, struct strv *argv, const char *option,
                        unsigned int own)
{
    strv_pushf(argv, "%s=host:65534:0:1", option);
    if (host->uid == 0) /* whatever the group: root needs no user namespace */
        return;
    if (!host->unconfined)
        strv_pushf(argv, "%s=host:0:%u:1", option, own);
    strv_pushf(argv, "%s=squash-guest:0:%u:4294967295", option, host->unconfined ? own : 0);
}

static void build_rusts(const struct virtiofsdargv *host, struct strv *argv,
                        const struct plan_server *server, const char *directory)
{
    strv_pushf(argv, "--shared-dir=%s", directory);
    for (size_t i = 0; i < ELEMENTS(options); i++)
        if (is_for(options[i].shares, server) && strstr(host->help, options[i].option))
            strv_pushf(argv, "%s%s", options[i].option, options[i].value);
    if (host->unconfined)
        strv_push(argv, "--sandbox=none");
    if (!strstr(host->help, "--translate-uid"))
        return;
    push_owners(host, argv, "--translate-uid", host->uid);
    push_owners(host, argv, "--translate-gid", host->gid);
}

void virtiofsdargv_build(const struct virtiofsdargv *host, struct strv *argv,
                         const struct plan_server *server, const char *directory)
{
    strv_push(argv, server->program);
    strv_push(argv, "--fd=0");
    if (virtiofsdargv_is_qemus(host))
        build_qemus(argv, server, directory);
    else
        build_rusts(host, argv, server, directory);
}
