/* SPDX-License-Identifier: MIT */
/* The guest half: PID 1 of the initramfs, from the kernel's start to stage 2. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "common/bootconfig.h"
#include "common/params.h"
#include "common/report.h"
#include "init/console.h"
#include "init/devices/device.h"
#include "init/devices/hotplug.h"
#include "init/devices/modprobe.h"
#include "init/devices/modules.h"
#include "init/devices/netname.h"
#include "init/devices/network.h"
#include "init/exec/agent.h"
#include "init/exec/exec.h"
#include "init/exec/execport.h"
#include "init/exec/thaw.h"
#include "init/fatal.h"
#include "init/initcalls.h"
#include "init/mount/apimounts.h"
#include "init/mount/mount.h"
#include "init/nix/closure.h"
#include "init/plan/build.h"
#include "init/report.h"
#include "init/stage2/poweroff.h"
#include "init/stage2/prepareroot.h"
#include "init/stage2/rootnetwork.h"
#include "init/stage2/stage2.h"

/* Data that one step passes to the next. */
struct boot {
    char **argv; /* init's own */
    struct cmdline line;
    struct strv arguments; /* of stage 2 */
    struct guest_params params;
    struct boot_plan plan;
    struct modules modules;
    struct hotplug hotplug;
    struct device_list devices;
    struct mounter mounter;
    struct frame_thaw thaw; /* of vm.warm */
    bool agent_started;
};

static int mount_api(struct boot *boot, struct error *e)
{
    (void)boot;
    return apimounts_mount(e);
}

/* Splits the command line, and opens the consoles of its console= parameters before the others are
 * checked: an error in these needs a console. */
static int open_consoles(struct boot *boot, struct error *e)
{
    struct strv names CLEANUP_STRV = {0};
    struct cmdline rest CLEANUP_CMDLINE = {0};
    char *text CLEANUP_FREE = file_read("/proc/cmdline", FILE_LIMIT, NULL, e);
    if (!text)
        return -EIO;
    (void)cmdline_parse(&rest, cmdline_parse(&boot->line, text));
    for (size_t i = 0; i < rest.count; i++)
        strv_pushf(&boot->arguments, "%s%s%s", rest.words[i].name, rest.words[i].value ? "=" : "",
                   rest.words[i].value ? rest.words[i].value : "");
    for (size_t i = 0; i < boot->line.count; i++)
        if (streq(boot->line.words[i].name, "console") && boot->line.words[i].value)
            strv_push(&names, boot->line.words[i].value);
    console_become_standard();
    console_open(&names);
    return 0;
}

/* Parses all parameters, and reports the first error at the end: a later vm.onfail= may say what an
 * error does. */
static int parse_words(struct boot *boot, struct error *e)
{
    int result = 0;
    for (size_t i = 0; i < boot->line.count; i++) {
        const struct cmdline word = {.words = &boot->line.words[i], .count = 1};
        int r = guest_params_parse(&boot->params, &word, result < 0 ? NULL : e);
        if (r < 0)
            result = r;
    }
    return result;
}

static bool has_word(const struct cmdline *line, const char *name)
{
    for (size_t i = 0; i < line->count; i++)
        if (streq(line->words[i].name, name))
            return true;
    return false;
}

/* Reads the parameters that did not fit the command line. Returns NULL if there are none; the
 * caller frees. */
static char *read_bootconfig(const struct cmdline *line)
{
    if (!has_word(line, "bootconfig"))
        return NULL;
    char *text = file_read("/proc/bootconfig", FILE_LIMIT, NULL, NULL);
    if (!text)
        text = file_read(BOOTCONFIG_FILE, FILE_LIMIT, NULL, NULL);
    if (!text)
        log_warning("\"bootconfig\" is on the command line, but neither the kernel nor the initrd "
                    "has one");
    return text;
}

static int read_parameters(struct boot *boot, struct error *e)
{
    char *text CLEANUP_FREE = read_bootconfig(&boot->line);
    int r = text ? bootconfig_parse(&boot->line, text, e) : 0;
    if (r == 0)
        r = parse_words(boot, e);
    fatal_configure(boot->params.on_fail, boot->params.shell_on_fail);
    fatal_tell(boot->params.exec ? execport_report : NULL);
    if (has_word(&boot->line, "initcall_debug"))
        initcalls_report();
    log_set_level(boot->params.trace ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
    if (boot->params.debug1)
        fatal_stop_for_debugging("before anything else");
    return r;
}

static int make_plan(struct boot *boot, struct error *e)
{
    return build_boot_plan(&boot->plan, &boot->params, e);
}

/* True if the run does not begin before the host says so. */
static bool is_warm(const struct boot *boot)
{
    return boot->params.warm && boot->params.exec;
}

/* Loads the devices' modules first: the filesystems' are loaded while the kernel initializes the
 * disks. */
static int load_modules(struct boot *boot, struct error *e)
{
    int r = modules_open(&boot->modules, MODULES_DIRECTORY, e);
    if (r < 0)
        return r;
    modprobe_install();
    if (is_warm(boot))
        modules_hold_disks(&boot->modules);
    modules_load_hashes(&boot->modules);
    r = hotplug_start(&boot->hotplug, &boot->modules, e);
    for (size_t i = 0; i < boot->plan.modules.count; i++)
        if (!modules_load(&boot->modules, boot->plan.modules.items[i]))
            log_warning("vm.modules=%s: the initrd has no such module",
                        boot->plan.modules.items[i]);
    for (size_t i = 0; i < boot->plan.filesystems.count; i++)
        modules_load_filesystem(&boot->modules, boot->plan.filesystems.items[i]);
    hotplug_settle(&boot->hotplug);
    return r;
}

/* Returns why the state of this guest has a run's disk in it, or NULL; the caller frees. */
static char *known_disk(struct boot *boot)
{
    if (device_list_refresh(&boot->devices, NULL) < 0)
        return NULL;
    for (size_t i = 0; i < boot->devices.count; i++)
        if (boot->devices.items[i]->searched)
            return xasprintf("the kernel knows the disk %s already: its driver is built in, or is "
                             "loaded by vm.modules=",
                             boot->devices.items[i]->path);
    return NULL;
}

/* vm.warm: everything so far is the same in each run, and nothing after this is. */
static int wait_for_run(struct boot *boot, struct error *e)
{
    if (!is_warm(boot))
        return 0;
    char *obstacle CLEANUP_FREE = known_disk(boot);
    int r = thaw_wait(boot->params.device_timeout, obstacle, &boot->thaw, e);
    modules_release_disks(&boot->modules);
    return r;
}

static int wait_for_devices(struct boot *boot, struct error *e)
{
    boot->mounter = (struct mounter){.modules = &boot->modules,
                                     .hotplug = &boot->hotplug,
                                     .devices = &boot->devices,
                                     .stamps = &boot->params.blank,
                                     .root = -1};
    int r = mount_wait_for_devices(&boot->mounter, &boot->plan, boot->params.device_timeout, e);
    if (boot->params.debug1devices)
        fatal_stop_for_debugging("after the devices have appeared");
    return r;
}

static int mount_plan(struct boot *boot, struct error *e)
{
    return mount_all(&boot->mounter, &boot->plan, e);
}

/* Late: the cards have had all the time of the mounts to appear. */
static int name_interfaces(struct boot *boot, struct error *e)
{
    (void)e;
    netname_apply(&boot->params.ifnames, &boot->hotplug);
    return 0;
}

static int configure_network(struct boot *boot, struct error *e)
{
    (void)e;
    const struct guest_params *params = &boot->params;
    if (is_warm(boot))
        network_set_mac(boot->thaw.mac, &params->ifnames,
                        params->network.prefix ? &boot->hotplug : NULL);
    if (params->hostname || params->network.prefix)
        network_start_loopback();
    if (params->network.prefix)
        network_configure(&params->network, &params->ifnames, &boot->hotplug);
    return 0;
}

static int prepare_root(struct boot *boot, struct error *e)
{
    if (boot->mounter.root < 0)
        return error_set(e, -ENOENT, "no root is mounted");
    prepareroot_make_files(boot->mounter.root, boot->params.init);
    if (boot->params.root_overlay)
        prepareroot_copy_links(boot->mounter.root);
    prepareroot_link_device(boot->mounter.root);
    prepareroot_set_terminal_group(boot->mounter.root);
    prepareroot_enter_submounts(boot->mounter.root, &boot->params.submounts);
    return 0;
}

/* Logs errors only: stage 2 registers the paths too. */
static int register_closure(struct boot *boot, struct error *e)
{
    (void)e;
    struct error problem CLEANUP_ERROR = {0};
    struct error unkept CLEANUP_ERROR = {0};
    const struct guest_params *params = &boot->params;
    int root = boot->mounter.root;
    if (!params->reg_info || root < 0)
        return 0;
    if (closure_register(root, params->reg_info, params->store_overlay == STORE_OVERLAY_ROOT,
                         &problem) < 0)
        log_warning("registering the closure: %s", problem.message);
    /* even after an error: some paths may be registered, by this boot or an earlier one */
    if (closure_keep(root, params->init, params->reg_info, &unkept) < 0)
        log_warning("keeping the closure from garbage collection: %s", unkept.message);
    return 0;
}

/* Makes the root "/", and what the network needs in its files. */
static int enter_root(struct boot *boot, struct error *e)
{
    const struct guest_params *params = &boot->params;
    bool replaceable = params->root_overlay || (params->root && streq(params->root, "tmpfs"));
    int r = stage2_enter(MOUNT_ROOT, e);
    if (r < 0)
        return r;
    if (params->hostname)
        rootnetwork_set_name(params->hostname);
    if (params->network.dns.s_addr)
        rootnetwork_set_dns(params->network.dns, replaceable);
    return 0;
}

/* Returns the directory that init= is in, which has programs if it is NixOS's; the caller frees.
 * NULL: none. */
static char *find_system(const struct boot *boot)
{
    char *system = xstrdup(boot->params.init);
    char *name = system ? strrchr(system, '/') : NULL;
    if (name)
        *name = '\0';
    if (system && *system)
        return system;
    free(system);
    return NULL;
}

/* vm.agent: after all processes of the initramfs have been killed. Starts it once, also if the user
 * continues after a stage 2 that could not be started. */
static void start_agent(struct boot *boot)
{
    char *system CLEANUP_FREE = find_system(boot);
    if (boot->params.agent && !boot->agent_started)
        agent_start(boot->argv, system);
    boot->agent_started = true;
}

/* vm.exec: runs the host's command instead of stage 2, and switches the machine off. */
static int run_command(struct boot *boot, struct error *e)
{
    char *system CLEANUP_FREE = find_system(boot);
    const struct exec_options options = {.timeout = boot->params.device_timeout, .system = system};
    prepareroot_link_streams();
    modprobe_remove();
    hotplug_stop(&boot->hotplug);
    int r = enter_root(boot, e);
    if (r < 0)
        return r;
    report_clock();
    report_mark(REPORT_STARTED, "", "");
    report_close();
    start_agent(boot);
    r = exec_serve(&options, e);
    if (r < 0)
        return r;
    poweroff();
}

static int switch_to_stage2(struct boot *boot, struct error *e)
{
    if (boot->params.debug1mounts)
        fatal_stop_for_debugging("after everything is mounted");
    if (boot->params.exec)
        return run_command(boot, e);
    if (boot->params.console_size && console_set_size(boot->params.console_size) < 0)
        log_warning("vm.console-size=%s: expected ROWSxCOLUMNS", boot->params.console_size);
    char *stage2 CLEANUP_FREE = stage2_find(boot->mounter.root, boot->params.init, e);
    if (!stage2)
        return -ENOENT;
    modprobe_remove();
    hotplug_stop(&boot->hotplug);
    int r = enter_root(boot, e);
    if (r < 0)
        return r;
    start_agent(boot);
    return stage2_execute(stage2, &boot->arguments, e);
}

static const struct step {
    const char *name;
    int (*run)(struct boot *boot, struct error *e);
} steps[] = {
    {"API filesystems", mount_api},
    {"consoles", open_consoles},
    {"parameters", read_parameters},
    {"plan", make_plan},
    {"modules", load_modules},
    {"beginning of the run", wait_for_run},
    {"devices", wait_for_devices},
    {"mounts", mount_plan},
    {"root", prepare_root},
    {"registration", register_closure},
    {"network interfaces", name_interfaces},
    {"network", configure_network},
    {"stage 2", switch_to_stage2},
};

static void run_step(const struct step *step, struct boot *boot)
{
    struct error e CLEANUP_ERROR = {0};
    report_mark(REPORT_STEP, "", step->name);
    int64_t start = clock_microseconds();
    int r = step->run(boot, &e);
    log_debug("step \"%s\" took %" PRId64 " us", step->name, clock_microseconds() - start);
    if (r < 0) {
        char *reason CLEANUP_FREE = xasprintf("the boot failed at \"%s\": %s", step->name,
                                              e.message ? e.message : strerror(-r));
        fatal(reason);
    }
}

static void end_out_of_memory(void)
{
    fatal_without_memory("the boot failed: out of memory (give the machine more)");
}

int main(int argc, char **argv)
{
    if (getpid() != 1)
        return modprobe_main(argc, argv);
    struct boot boot = {.argv = argv, .hotplug.fd = -1, .mounter.root = -1};
    guest_params_init(&boot.params);
    alloc_out_of_memory = end_out_of_memory;
    log_set_sink(console_log);
    report_clock();
    for (size_t i = 0; i < ELEMENTS(steps); i++)
        run_step(&steps[i], &boot);
    for (;;) /* the user continued after a stage 2 that could not be started */
        run_step(&steps[ELEMENTS(steps) - 1], &boot);
}
