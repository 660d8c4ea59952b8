/* SPDX-License-Identifier: MIT */
/* Plans QEMU's seccomp sandbox, as tight as the configuration allows. It limits the system calls
 * that are left to a guest which has taken over QEMU. */
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/machine/qemuoption.h"
#include "host/plan/planner.h"

/* True if the user has given options for QEMU, which may need any system call. */
static bool has_user_options(const struct planner *p)
{
    return p->given.count || variables_nonempty(&p->variables, "QEMU_NET_OPTS");
}

static bool is_no(const char *value, const char *key)
{
    size_t length = 0;
    const char *item = qemu_option_item(value, key, &length);

    return item && (length == 0 || (length == 2 && !strncmp(item, "no", 2)));
}

static bool has_key(const char *value, const char *key)
{
    size_t length = 0;

    return qemu_option_item(value, key, &length) != NULL;
}

/* QEMU sets up a tap device of its own by /etc/qemu-ifup and -ifdown, unless these are disabled. */
static bool tap_starts_program(const char *value)
{
    return !has_key(value, "fd") && !has_key(value, "fds") &&
           !(is_no(value, "script") && is_no(value, "downscript"));
}

static bool bridge_starts_program(const char *value)
{
    return !has_key(value, "fd");
}

static bool user_starts_program(const char *value)
{
    return strstr(value, "guestfwd=") && strstr(value, "-cmd:");
}

/* True if the value is JSON, which is not parsed, and has the name of something that starts a
 * program. */
static bool json_starts_program(const char *value)
{
    static const char *const names[] = {"\"bridge\"", "\"tap\"", "\"passt\"",
                                        "\"helper\"", "\"smb\"", "-cmd:"};

    for (size_t i = 0; *value == '{' && i < ELEMENTS(names); i++)
        if (strstr(value, names[i]))
            return true;
    return false;
}

/* True if a network of the user's makes QEMU start a program: the bridge helper, a script for a tap
 * device, smbd, or a command for a connection. */
static bool network_starts_program(const char *value)
{
    static const struct {
        const char *type;
        bool (*starts)(const char *value); /* NULL: always */
    } types[] = {
        {"bridge", bridge_starts_program},
        {"passt", NULL},
        {"tap", tap_starts_program},
        {"user", user_starts_program},
    };
    size_t length = 0;
    const char *type = qemu_option_item(value, "type", &length);

    if (!type)
        type = qemu_option_item(value, "", &length);
    for (size_t i = 0; type && i < ELEMENTS(types); i++)
        if (strlen(types[i].type) == length && !strncmp(types[i].type, type, length) &&
            (!types[i].starts || types[i].starts(value)))
            return true;
    return has_key(value, "helper") || has_key(value, "smb") || json_starts_program(value);
}

static bool migration_starts_program(const char *value)
{
    return startswith(value, "exec:");
}

/* Options of the user's that make QEMU start programs. The programs may be setuid (the bridge
 * helper), or change the host's network, which takes root's privileges. */
static const struct {
    const char *name;
    bool (*starts)(const char *value);
} starters[] = {
    {"netdev", network_starts_program},
    {"nic", network_starts_program},
    {"net", network_starts_program},
    {"incoming", migration_starts_program},
};

/* Finds an option of the user's that makes QEMU start a program; the caller frees. NULL: none
 * does. */
static char *find_starter(struct planner *p)
{
    const char *more = variables_nonempty(&p->variables, "QEMU_NET_OPTS");
    struct qemu_option option;

    for (size_t at = 0; qemu_option_next(&p->given, &at, &option);)
        for (size_t i = 0; option.value && i < ELEMENTS(starters); i++)
            if (streq(starters[i].name, option.name) && starters[i].starts(option.value))
                return xasprintf("-%s %s", option.name, option.value);
    char *network CLEANUP_FREE = more ? xasprintf("user,%s", more) : NULL;
    return network && network_starts_program(network) ? xasprintf("QEMU_NET_OPTS=%s", more) : NULL;
}

/* True if QEMU starts a program for each connection from the guest to a forwarded port. */
static bool starts_programs(const struct planner *p)
{
    for (size_t i = 0; i < p->config->forward_ports.count; i++)
        if (p->config->forward_ports.items[i].from_guest)
            return true;
    return false;
}

/* The libraries of QEMU's window set the priority of their threads, and may start programs. A
 * program that QEMU starts calls setsid(2), which elevateprivileges=deny forbids. With any sandbox,
 * programs that QEMU starts do not gain privileges by their setuid bit or file capabilities
 * (no_new_privs): a program of the user's that may need them rules a sandbox out. */
void plan_sandbox(struct planner *p)
{
    bool plain = !has_user_options(p);
    bool window =
        config_bool(p->config, "virtualisation.graphics") && !config_bool(p->config, "runVm.vnc");
    bool alone = plain && !starts_programs(p);
    char *starter CLEANUP_FREE = find_starter(p);

    p->plan->starts_privileged = starter != NULL;
    if (!config_bool(p->config, "runVm.sandbox") || planner_replaced(p, MODEL_SANDBOX))
        return;
    if (starter) {
        strv_pushf(&p->config->warnings,
                   "QEMU runs without a sandbox: \"%s\" has it start a program, which in one could "
                   "get no privileges (setuid)",
                   starter);
        return;
    }
    model_add(&p->plan->machine,
              (struct model_item){.kind = MODEL_SANDBOX,
                                  .sandbox = {.deny_privileges = alone,
                                              .deny_spawn = alone && !window,
                                              .deny_resource_control = plain && !window}});
}
