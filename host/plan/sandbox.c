/* SPDX-License-Identifier: MIT */
/* QEMU shut into a sandbox of its own (seccomp), as tightly as the configuration allows: what a
 * guest that has taken QEMU over may still ask of the host's kernel. */
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/machine/qemuoption.h"
#include "host/plan/planner.h"

/* Whether the user has given options for QEMU, which may call for anything. */
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

/* A tap device that QEMU makes itself is set up by /etc/qemu-ifup and -ifdown unless told not to.
 */
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

/* Written as JSON; what it asks for is not taken apart. */
static bool json_starts_program(const char *value)
{
    static const char *const words[] = {"\"bridge\"", "\"tap\"", "\"passt\"",
                                        "\"helper\"", "\"smb\"", "-cmd:"};

    for (size_t i = 0; *value == '{' && i < ELEMENTS(words); i++)
        if (strstr(value, words[i]))
            return true;
    return false;
}

/* Whether a network of the user's has QEMU start a program: one that makes a tap device, a script
 * that sets it up, smbd, a command for a connection. */
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
    return !strncmp(value, "exec:", strlen("exec:"));
}

/* The user's options that have QEMU start programs. Those may be setuid (the bridge helper), or
 * change the host's network as root does. */
static const struct {
    const char *name;
    bool (*starts)(const char *value);
} starters[] = {
    {"netdev", network_starts_program},
    {"nic", network_starts_program},
    {"net", network_starts_program},
    {"incoming", migration_starts_program},
};

/* Finds an option of the user's that has QEMU start a program; the caller frees. NULL: none
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

/* A forwarding from the guest has QEMU start a program for each connection. */
static bool starts_programs(const struct planner *p)
{
    for (size_t i = 0; i < p->config->forward_ports.count; i++)
        if (p->config->forward_ports.items[i].from_guest)
            return true;
    return false;
}

/* A window's libraries set the priority of their threads, and may start programs. A program that
 * QEMU starts begins a session of its own: setsid counts as elevating privileges.
 * Any sandbox takes from all programs that QEMU starts what their setuid bit or file capabilities
 * would give (no_new_privs): it is left out where a program of the user's may need that. */
void plan_sandbox(struct planner *p)
{
    bool plain = !has_user_options(p);
    bool window = config_bool(p->config, "virtualisation.graphics");
    bool alone = plain && !starts_programs(p);
    char *starter CLEANUP_FREE = find_starter(p);

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
