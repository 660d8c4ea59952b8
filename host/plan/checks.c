/* SPDX-License-Identifier: MIT */
/* Checks that the types of single options cannot make: the assertions and warnings of nixpkgs'
 * qemu-vm.nix, and combinations that cannot work. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/config/sharetransport.h"
#include "host/plan/planner.h"
#include "host/system/path.h"

static bool is_ipv4(const char *text)
{
    struct in_addr address;

    return inet_pton(AF_INET, text, &address) == 1;
}

/* True for an address or the name of a host, as netcat takes them. */
static bool is_host(const char *text)
{
    for (const char *c = text; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr(".-_:%", *c))
            return false;
    return true;
}

/* True for an IPv4 address as QEMU reads one, for a variable that may hold one, and for "". */
static bool is_host_ipv4(const char *text)
{
    struct in_addr address;

    return !*text || strchr(text, '$') || (is_host(text) && inet_aton(text, &address));
}

static void warn_of_open_port(struct planner *p, const struct port_forward *forward, size_t number)
{
    if (!forward->from_guest && !*forward->host_address)
        strv_pushf(&p->config->warnings,
                   "virtualisation.forwardPorts.<entry %zu>.host.address is empty: the port is "
                   "open on every interface of this host. \"127.0.0.1\" keeps it to this host.",
                   number);
}

static void check_forward(struct planner *p, const struct port_forward *forward, size_t number)
{
    bool guest = forward->from_guest;
    const struct {
        const char *key;
        bool wrong;
        const char *what;
    } checks[] = {
        {"proto", guest && !streq(forward->protocol, "tcp"),
         "Guest forwarding supports only TCP connections, expected \"tcp\""},
        {"host.port", forward->automatic && (guest || !streq(forward->protocol, "tcp")),
         "is \"auto\", expected a number: a free port is held for QEMU only where it listens for "
         "tcp"},
        {"guest.address",
         guest &&
             !(startswith(forward->guest_address, "10.0.2.") && is_ipv4(forward->guest_address)),
         "The address must be in the default VLAN (10.0.2.0/24), expected 10.0.2.N"},
        {"guest.address", !guest && !is_host_ipv4(forward->guest_address),
         "is no address, expected an IPv4 address or \"\""},
        {"host.address",
         guest ? !is_host(forward->host_address) : !is_host_ipv4(forward->host_address),
         "is no address, expected an IPv4 address or \"\""},
    };

    for (size_t i = 0; i < ELEMENTS(checks); i++)
        if (checks[i].wrong) {
            char *option CLEANUP_FREE =
                xasprintf("virtualisation.forwardPorts.<entry %zu>.%s", number, checks[i].key);

            config_problem(p->config, option, "%s", checks[i].what);
        }
    warn_of_open_port(p, forward, number);
}

static void check_ports(struct planner *p)
{
    for (size_t i = 0; i < p->config->forward_ports.count; i++)
        check_forward(p, &p->config->forward_ports.items[i], i + 1);
}

static void check_store_image(struct planner *p)
{
    const struct config *config = p->config;

    if (config_bool(config, "virtualisation.useNixStoreImage") &&
        config_bool(config, "virtualisation.writableStore") &&
        !config_is_set(config, "virtualisation.writableStore") && !sharetransport_is_image(config))
        strv_push(&p->config->warnings,
                  "You have enabled virtualisation.useNixStoreImage = true,\n"
                  "without setting virtualisation.writableStore = false.\n"
                  "A writable copy of the store image is made at every start. Set "
                  "virtualisation.writableStore to true if that is what you want, or to false.");
}

static void check_direct_boot(struct planner *p)
{
    static const char enable[] = "virtualisation.directBoot.enable";
    static const char initrd[] = "virtualisation.directBoot.initrd";
    bool direct = config_bool(p->config, enable);

    if (!direct && config_text(p->config, initrd))
        config_problem(p->config, initrd,
                       "is set, but %s is false, expected %s = true, or no initrd", enable, enable);
    if (direct && config_bool(p->config, "virtualisation.useBootLoader"))
        strv_pushf(&p->config->warnings,
                   "virtualisation.useBootLoader has no effect on what boots: %s is true, so that "
                   "QEMU starts the kernel itself.",
                   enable);
}

static void check_disks(struct planner *p)
{
    static const char option[] = "virtualisation.qemu.diskInterface";
    char *cpu CLEANUP_FREE = xasprintf(" %s ", p->guest->cpu ? p->guest->cpu : "");

    if (p->config->drives.count && strstr(p->disks->lacking, cpu))
        config_problem(p->config, option,
                       "is \"%s\", which QEMU's machine for %s lacks, expected \"virtio\"",
                       p->disks->name, p->config->platform_name);
}

static void check_name(struct planner *p)
{
    const char *name = config_text(p->config, "system.name");

    if (!name || !*name)
        config_problem(p->config, "system.name", "is empty, expected a name for the machine");
}

/* Parses parameters as our init will. Returns why it would refuse them, which the caller frees, or
 * NULL. */
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

/* Reports parameters that our init would refuse: unknown ones with its prefix, and wrong values. */
static void check_parameters(struct planner *p)
{
    if (!planner_has_own_init(p))
        return;
    const char *variable = variables_get(&p->variables, "QEMU_KERNEL_PARAMS");
    char *reason CLEANUP_FREE = reason_against(variable ? variable : "");

    if (reason)
        planner_environment_problem(p, "QEMU_KERNEL_PARAMS", "%s", reason);
    for (size_t i = 0; i < p->options->append.count; i++) {
        char *why CLEANUP_FREE = reason_against(p->options->append.items[i]);

        if (why)
            config_note(p->config, "command line: --append: %s", why);
    }
    if (config_text(p->config, "system.build.toplevel"))
        return; /* it has parameters of its own */
    struct strv parameters CLEANUP_STRV = config_texts(p->config, "boot.kernelParams");

    for (size_t i = 0; i < parameters.count; i++) {
        char *why CLEANUP_FREE = reason_against(parameters.items[i]);
        char *option CLEANUP_FREE = xasprintf("boot.kernelParams.<entry %zu>", i + 1);

        if (why)
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
                       "%s is not a directory, expected the one that holds nix/store", prefix);
}

/* Reports files and directories of the command line that do not exist. */
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
        if (!named[i].path)
            continue;
        char *path CLEANUP_FREE = path_absolute(p->at->cwd, named[i].path);
        char *found CLEANUP_FREE = planner_named_path(p, path);
        struct stat st;

        if (!found || stat(found, &st) < 0)
            strv_pushf(&p->config->problems, "command line: %s: %s: %s", named[i].option, path,
                       strerror(errno));
        else if (S_ISDIR(st.st_mode) != named[i].directory)
            strv_pushf(&p->config->problems, "command line: %s: %s is %s directory, expected a %s",
                       named[i].option, path, named[i].directory ? "not a" : "a",
                       named[i].directory ? "directory" : "file");
    }
}

/* Warns of too little memory. Debian's kernel with its initrd starts with about 90 MiB; with less
 * it fails before it can print a message. */
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
    plan_transport(p);
    check_name(p);
    check_direct_boot(p);
    check_disks(p);
    check_ports(p);
    check_store_image(p);
    warn_of_little_memory(p);
}
