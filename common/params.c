/* SPDX-License-Identifier: MIT */
#include "common/params.h"

#include <errno.h>

#include "base/array.h"
#include "base/text.h"
#include "common/paramtypes.h"

static const char *const store_overlays[] = {
    [STORE_OVERLAY_TMPFS] = "tmpfs",
    [STORE_OVERLAY_ROOT] = "root",
    [STORE_OVERLAY_NONE] = "none",
    [STORE_OVERLAY_BIND] = "bind",
    NULL,
};

const char *const store_upper_names[] = {
    [STORE_UPPER_STORE] = "store",
    [STORE_UPPER_UPPER] = "upper",
    NULL,
};

static const char *const on_fail_actions[] = {
    [ON_FAIL_PROMPT] = "prompt",
    [ON_FAIL_POWEROFF] = "poweroff",
    [ON_FAIL_REBOOT] = "reboot",
    [ON_FAIL_PANIC] = "panic",
    NULL,
};

static const char *const tmpfs_only[] = {"tmpfs", NULL};

#define MEMBER(name) offsetof(struct guest_params, name)

const struct param guest_param_table[] = {
    {"init", PARAM_TEXT, MEMBER(init), .argument = "PATH",
     .help = "stage 2, resolved inside the root; without it /init, then /sbin/init"},
    {"root", PARAM_TEXT, MEMBER(root), .argument = "DEVICE",
     .help = "the root: /dev/..., LABEL=, UUID=, PARTLABEL=, PARTUUID=, tmpfs, or a share's tag"},
    {"rootfstype", PARAM_TEXT, MEMBER(rootfstype), .argument = "TYPE",
     .help = "the root's filesystem; found by probing where it is not given"},
    {"rootflags", PARAM_TEXT, MEMBER(rootflags), .argument = "OPTIONS",
     .help = "mount options of the root"},
    {"ro", PARAM_FLAG, MEMBER(read_only), .help = "mount the root read-only"},
    {"rw", PARAM_UNSET, MEMBER(read_only), .help = "mount the root writable (the default)"},
    {"console", PARAM_TEXTS, MEMBER(consoles), .argument = "DEVICE",
     .help = "a console that messages go to; the last is /dev/console"},
    {"regInfo", PARAM_TEXT, MEMBER(reg_info), .argument = "PATH",
     .help = "the registration of the closure, put into the Nix database"},
    {"boot.trace", PARAM_FLAG, MEMBER(trace), .help = "log every step with its duration"},
    {"debugtrace", PARAM_FLAG, MEMBER(trace), .alias = true},
    {"boot.shell_on_fail", PARAM_FLAG, MEMBER(shell_on_fail),
     .help = "the prompt after a fatal error offers a shell, if the initrd has one"},
    {"boot.debug1", PARAM_FLAG, MEMBER(debug1), .help = "stop at the prompt before anything else"},
    {"debug1", PARAM_FLAG, MEMBER(debug1), .alias = true},
    {"boot.debug1devices", PARAM_FLAG, MEMBER(debug1devices),
     .help = "stop at the prompt when modules are loaded and devices are there"},
    {"boot.debug1mounts", PARAM_FLAG, MEMBER(debug1mounts),
     .help = "stop at the prompt when everything is mounted"},
    {"vm.mount", PARAM_MOUNTS, MEMBER(mounts), .argument = "WHAT:WHERE[:FSTYPE[:OPTIONS]]",
     .help = "one more mount before stage 2"},
    {"vm.share", PARAM_SHARES, MEMBER(shares), .argument = "TAG:WHERE[:OPTIONS]",
     .help = "a shared directory, 9p over virtio unless OPTIONS begin with virtiofs"},
    {"vm.submount", PARAM_TEXTS, MEMBER(submounts), .argument = "PATH",
     .help = "a filesystem inside a share on virtiofs, which appears when it is entered"},
    {"vm.msize", PARAM_NUMBER, MEMBER(msize), .argument = "BYTES",
     .help = "msize of the 9p mounts (131072 for store and root, otherwise 16384)"},
    {"vm.store", PARAM_STORE, MEMBER(store), .argument = "9p:TAG|virtiofs:TAG|erofs:DEVICE",
     .help = "where /nix/store comes from"},
    {"vm.store.overlay", PARAM_CHOICE, MEMBER(store_overlay), .choices = store_overlays,
     .help = "where the store's writable layer lives (tmpfs); none and bind: it has none, and with "
             "bind it is mounted on /nix/.ro-store too"},
    {"vm.store.upper", PARAM_CHOICE, MEMBER(store_upper), .choices = store_upper_names,
     .help = "what that layer is called in /nix/.rw-store (store); a layer of the other name is "
             "renamed"},
    {"vm.root.overlay", PARAM_WORD, MEMBER(root_overlay), .choices = tmpfs_only,
     .help = "the root becomes the lower layer of an overlay on a tmpfs: nothing written lasts; a "
             "9p share is cached (cache=loose) unless rootflags= says otherwise"},
    {"vm.modules", PARAM_NAMES, MEMBER(modules), .argument = "NAME[,NAME...]",
     .help = "modules to load besides those that devices and mounts call for"},
    {"vm.ifname", PARAM_IFNAMES, MEMBER(ifnames), .argument = "NAME:ADDRESS",
     .help = "the name of the network interface whose card has that address"},
    {"vm.hostname", PARAM_TEXT, MEMBER(hostname), .argument = "NAME",
     .help = "the host name, unless the root's /etc/hostname has one; the loopback is up"},
    {"vm.network", PARAM_NETWORK, MEMBER(network), .argument = "ADDRESS/PREFIX[,GATEWAY[,DNS]]",
     .help = "the address and route of the first network card, and the root's name server"},
    {"vm.blank", PARAM_NAMES, MEMBER(blank), .argument = "WORD[,WORD...]",
     .help = "a disk with run-vm's stamp and this word in it holds nothing else: it is not read"},
    {"vm.console-size", PARAM_TEXT, MEMBER(console_size), .argument = "ROWSxCOLUMNS",
     .help = "the size of the terminal behind the consoles, which a serial line does not tell"},
    {"vm.device-timeout", PARAM_NUMBER, MEMBER(device_timeout), .argument = "SECONDS",
     .help = "how long to wait for a block device (20)"},
    {"vm.onfail", PARAM_CHOICE, MEMBER(on_fail), .choices = on_fail_actions,
     .help = "what a fatal error leads to (prompt)"},
    {"vm.exec", PARAM_FLAG, MEMBER(exec),
     .help = "run the command that run-vm --exec sends instead of stage 2, then power off"},
    {"vm.agent", PARAM_FLAG, MEMBER(agent),
     .help = "leave a process behind, beside stage 2, which runs the commands of run-vm exec"},
    {"vm.warm", PARAM_FLAG, MEMBER(warm),
     .help = "with vm.exec: wait for the host before anything is mounted, so that it can save the "
             "machine and continue it many times"},
    {"boot.panic_on_fail", PARAM_PANIC, MEMBER(on_fail), .help = "the same as vm.onfail=panic"},
    {"stage1panic", PARAM_PANIC, MEMBER(on_fail), .alias = true},
};
const size_t guest_param_count = ELEMENTS(guest_param_table);

void guest_params_init(struct guest_params *params)
{
    *params = (struct guest_params){
        .device_timeout = GUEST_DEFAULT_DEVICE_TIMEOUT,
    };
}

static const struct param *find_param(const char *name)
{
    for (size_t i = 0; i < guest_param_count; i++)
        if (streq(guest_param_table[i].name, name))
            return &guest_param_table[i];
    return NULL;
}

int guest_params_parse(struct guest_params *params, const struct cmdline *line, struct error *e)
{
    for (size_t i = 0; i < line->count; i++) {
        const struct cmdline_word *word = &line->words[i];
        const struct param *param = find_param(word->name);
        if (!param && startswith(word->name, PARAM_PREFIX))
            return error_set(e, -EINVAL, "%s: there is no such parameter", word->name);
        if (!param)
            continue;
        int r =
            param_types[param->type].read(param, (char *)params + param->offset, word->value, e);
        if (r < 0)
            return r;
    }
    return 0;
}

void guest_params_encode(const struct guest_params *params, struct cmdline *line)
{
    struct guest_params initial CLEANUP_GUEST_PARAMS;
    guest_params_init(&initial);
    for (size_t i = 0; i < guest_param_count; i++) {
        const struct param *param = &guest_param_table[i];
        if (!param->alias && param_types[param->type].write)
            param_types[param->type].write(param, (const char *)params + param->offset,
                                           (const char *)&initial + param->offset, line);
    }
}

void guest_params_free(struct guest_params *params)
{
    for (size_t i = 0; i < guest_param_count; i++) {
        const struct param *param = &guest_param_table[i];
        if (!param->alias && param_types[param->type].free)
            param_types[param->type].free((char *)params + param->offset);
    }
    guest_params_init(params);
}
