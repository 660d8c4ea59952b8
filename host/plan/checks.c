/* SPDX-License-Identifier: MIT */
/* What types cannot say: the specification's assertions and warnings, and what cannot work. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/plan/planner.h"
#include "host/system/path.h"

static bool is_ipv4(const char *text)
{
    struct in_addr address;

    return inet_pton(AF_INET, text, &address) == 1;
}

/* An address or a host's name: what netcat takes. */
static bool is_host(const char *text)
{
    for (const char *c = text; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr(".-_:%", *c))
            return false;
    return true;
}

/* An IPv4 address as QEMU reads one, or a variable that may hold one. */
static bool is_host_ipv4(const char *text)
{
    struct in_addr address;

    return !*text || strchr(text, '$') || (is_host(text) && inet_aton(text, &address));
}

static const char *text_of(const json_t *rule, const char *key)
{
    const char *text = json_string_value(json_object_get(rule, key));

    return text ? text : "";
}

static void check_rule(struct planner *p, const json_t *rule, size_t number)
{
    bool guest = streq(text_of(rule, "from"), "guest");
    const char *host_address = text_of(rule, "host.address");
    const char *guest_address = text_of(rule, "guest.address");
    const struct {
        const char *key;
        bool wrong;
        const char *what;
    } checks[] = {
        {"proto", guest && !streq(text_of(rule, "proto"), "tcp"),
         "Guest forwarding supports only TCP connections, expected \"tcp\""},
        {"guest.address",
         guest && (strncmp(guest_address, "10.0.2.", 7) != 0 || !is_ipv4(guest_address)),
         "The address must be in the default VLAN (10.0.2.0/24), expected 10.0.2.N"},
        {"guest.address", !guest && !is_host_ipv4(guest_address),
         "is no address, expected an IPv4 address or \"\""},
        {"host.address", guest ? !is_host(host_address) : !is_host_ipv4(host_address),
         "is no address, expected an IPv4 address or \"\""},
    };

    for (size_t i = 0; i < ELEMENTS(checks); i++)
        if (checks[i].wrong) {
            char *option CLEANUP_FREE =
                xasprintf("virtualisation.forwardPorts.<entry %zu>.%s", number, checks[i].key);

            config_problem(p->config, option, "%s", checks[i].what);
        }
    if (!guest && !*host_address)
        strv_pushf(&p->config->warnings,
                   "virtualisation.forwardPorts.<entry %zu>.host.address is empty: the port is "
                   "open on every interface of this host. \"127.0.0.1\" keeps it to this host.",
                   number);
}

static void check_ports(struct planner *p)
{
    json_t *rule;
    size_t i;

    json_array_foreach (config_get(p->config, "virtualisation.forwardPorts"), i, rule)
        check_rule(p, rule, i + 1);
}

static void check_store_image(struct planner *p)
{
    const struct config *config = p->config;

    if (config_bool(config, "virtualisation.useNixStoreImage") &&
        config_bool(config, "virtualisation.writableStore") &&
        !config_is_set(config, "virtualisation.writableStore"))
        strv_push(&p->config->warnings,
                  "You have enabled virtualisation.useNixStoreImage = true,\n"
                  "without setting virtualisation.writableStore = false.\n"
                  "A writable copy of the store image is made at every start. Set "
                  "virtualisation.writableStore to true if that is what you want, or to false.");
}

static void check_name(struct planner *p)
{
    const char *name = config_text(p->config, "system.name");

    if (!name || !*name)
        config_problem(p->config, "system.name", "is empty, expected a name for the machine");
}

/* The reason why our init would not take the parameters; the caller frees. NULL: it would. */
static char *reason_against(const char *text)
{
    struct guest_params params CLEANUP_GUEST_PARAMS = {0};
    struct cmdline line CLEANUP_CMDLINE = {0};
    struct error e CLEANUP_ERROR = {0};

    guest_params_init(&params);
    (void)cmdline_parse(&line, text);
    if (guest_params_parse(&params, &line, &e) == 0)
        return NULL;
    return xasprintf("%s (run-vm-init(8) has the list)", e.message);
}

/* The guest's init refuses parameters of its own that it does not know, or whose value is wrong. */
static void check_parameters(struct planner *p)
{
    const char *variable = variables_get(&p->variables, "QEMU_KERNEL_PARAMS");
    char *reason CLEANUP_FREE = NULL;
    json_t *entry;
    size_t i;

    if (!p->dialect->own_init || config_bool(p->config, "virtualisation.useBootLoader"))
        return;
    reason = reason_against(variable ? variable : "");
    if (reason)
        planner_environment_problem(p, "QEMU_KERNEL_PARAMS", "%s", reason);
    for (i = 0; i < p->options->append.count; i++) {
        char *why CLEANUP_FREE = reason_against(p->options->append.items[i]);

        if (why)
            config_note(p->config, "command line: --append: %s", why);
    }
    json_array_foreach (config_get(p->config, "boot.kernelParams"), i, entry) {
        char *why CLEANUP_FREE = reason_against(json_string_value(entry));
        char *option CLEANUP_FREE = xasprintf("boot.kernelParams.<entry %zu>", i + 1);

        if (why && !config_text(p->config, "system.build.toplevel"))
            config_problem(p->config, option, "%s", why);
    }
}

static void check_store(struct planner *p)
{
    const char *prefix = p->plan->store_prefix;
    struct stat st;

    if (*prefix && stat(prefix, &st) < 0)
        config_problem(p->config, "runVm.store",
                       "%s: %s, expected the directory that holds nix/store", prefix,
                       strerror(errno));
    else if (*prefix && !S_ISDIR(st.st_mode))
        config_problem(p->config, "runVm.store",
                       "%s is no directory, expected the one that holds nix/store", prefix);
}

/* What the command line names must be there. */
static void check_paths(struct planner *p)
{
    const struct {
        const char *option;
        const char *path;
        bool directory;
    } named[] = {
        {"--kernel", p->options->kernel, false},
        {"--modules-dir", p->options->modules_dir, true},
        {"--root-dir", p->options->root_dir, true},
        {"--guest-init", p->options->guest_init, false},
    };

    for (size_t i = 0; i < ELEMENTS(named); i++) {
        char *path CLEANUP_FREE = named[i].path ? path_absolute(p->at->cwd, named[i].path) : NULL;
        char *found CLEANUP_FREE = path ? planner_named_path(p, path) : NULL;
        struct stat st;

        if (path && (!found || stat(found, &st) < 0))
            strv_pushf(&p->config->problems, "command line: %s: %s: %s", named[i].option, path,
                       strerror(errno));
        else if (path && S_ISDIR(st.st_mode) != named[i].directory)
            strv_pushf(&p->config->problems, "command line: %s: %s is %s directory, expected %s",
                       named[i].option, path, named[i].directory ? "no" : "a",
                       named[i].directory ? "one" : "a file");
    }
}

/* Settings of shares are for shares that there are, and for an initrd that knows them. */
static void check_shares(struct planner *p)
{
    const json_t *shares = config_get(p->config, "virtualisation.sharedDirectories");
    const char *tag;
    json_t *settings;

    json_object_foreach (config_get(p->config, "runVm.shares"), tag, settings)
        if (!json_object_get(shares, tag)) {
            char *option CLEANUP_FREE = xasprintf("runVm.shares.%s", tag);

            config_problem(p->config, option,
                           "is no share, expected the tag of one in "
                           "virtualisation.sharedDirectories");
        }
    if (!p->dialect->own_init && planner_uses_virtiofs(p))
        config_problem(p->config, "runVm.transport",
                       "is \"virtiofs\", expected \"9p\": the system's own initrd, which "
                       "runVm.initrd = \"system\" asks for, mounts shares by 9p");
}

/* Debian's kernel with its initrd begins to run at about 90 MiB; with less it ends before it can
 * say so, and only here can anybody be told. */
static void warn_of_little_memory(struct planner *p)
{
    const uint64_t least = 96;
    const uint64_t memory = planner_memory(p) >> 20;

    if (p->dialect->checks_host && memory < least)
        strv_pushf(&p->config->warnings,
                   "%s is %" PRIu64 " MiB: a Linux guest may end without a word where its kernel "
                   "does not fit. Give it %" PRIu64 " or more.",
                   planner_replaced(p, MODEL_MEMORY) ? "-m" : "virtualisation.memorySize", memory,
                   least);
}

void plan_checks(struct planner *p)
{
    check_paths(p);
    check_store(p);
    check_parameters(p);
    check_shares(p);
    check_name(p);
    check_ports(p);
    check_store_image(p);
    warn_of_little_memory(p);
}
