/* SPDX-License-Identifier: MIT */
#include "host/commands/runoptions.h"

#include <errno.h>
#include <stddef.h>

#include "base/alloc.h"
#include "host/commands/networkoption.h"
#include "host/commands/runner.h"
#include "host/commands/shortoptions.h"
#include "host/run/bootchart.h"
#include "host/run/deadline.h"
#include "host/run/registry.h"

static const char *const dry_runs[] = {"no", "text", "json", NULL};
static const char *const accelerators[] = {"auto", "kvm", "tcg", NULL};
static const char *const owners[] = {"auto", "keep", "root", NULL};
static const char *const endings[] = {"auto", "poweroff", "quit", NULL};

#define MEMBER(name) offsetof(struct run_options, name)

static const struct commandline_option run_option_table[] = {
    {"config", 'C', COMMANDLINE_TEXTS, MEMBER(config_files), "FILE",
     .help = "the configuration, JSON (run-vm.json(5)); - is standard input; may be repeated"},
    {"option", 'o', COMMANDLINE_NAMED, MEMBER(settings), "OPTION=VALUE",
     .help = "set an option of the configuration, such as virtualisation.graphics=false"},
    {"memory", 'm', COMMANDLINE_NAMED, MEMBER(settings), "SIZE",
     .setting = "virtualisation.memorySize", .help = "the guest's memory, such as 2G"},
    {"cores", 'c', COMMANDLINE_NAMED, MEMBER(settings), "NUMBER", .setting = "virtualisation.cores",
     .divert = shortoptions_divert_cores,
     .help = "the number of the guest's processors; -c FILE is still --config FILE"},
    {"share", 0, COMMANDLINE_NAMED, MEMBER(settings), "SRC[:DST][:ro]",
     .setting = "virtualisation.sharedDirectories", .convert = shortoptions_share,
     .help = "share a directory with the guest, at DST or else at /mnt/NAME; :ro: the guest cannot "
             "write to it; a colon in a path is written \\:"},
    {"port", 0, COMMANDLINE_NAMED, MEMBER(settings), "[ADDRESS:]HOST:GUEST[/udp]",
     .setting = "virtualisation.forwardPorts", .convert = shortoptions_port,
     .help = "make a port of the guest reachable at a port of the host, at 127.0.0.1 or ADDRESS; "
             "HOST 0: run-vm picks a free port and prints it"},
    {"disk", 0, COMMANDLINE_NAMED, MEMBER(settings), "SIZE|FILE",
     .setting = "virtualisation.emptyDiskImages, virtualisation.qemu.drives",
     .convert = shortoptions_disk,
     .help = "one more disk: an empty one, which is lost at the end, or an image"},
    {"display", 0, COMMANDLINE_NAMED, MEMBER(settings), "none|window|vnc",
     .setting = "virtualisation.graphics, runVm.vnc", .convert = shortoptions_display,
     .help = "the guest's display; vnc: on a socket, whose path is printed"},
    {"fresh", 0, COMMANDLINE_NAMED, MEMBER(settings), NULL, .setting = "runVm.diskImageWrites",
     .convert = shortoptions_fresh,
     .help = "discard what the guest writes to its disk; the image stays as it is"},
    {"ro", 0, COMMANDLINE_NAMED, MEMBER(settings), NULL, .setting = "runVm.diskImageWrites",
     .convert = shortoptions_ro,
     .help = "give the guest a read-only drive; what it writes to its root stays in its memory"},
    {"grow", 0, COMMANDLINE_NAMED, MEMBER(settings), "SIZE", .setting = "runVm.growDiskImage",
     .help = "let the disk image, and the filesystem on it, grow to this size"},
    {"efi", 0, COMMANDLINE_NAMED, MEMBER(settings), NULL, .setting = "virtualisation.useEFIBoot",
     .help = "give the guest EFI firmware"},
    {"tpm", 0, COMMANDLINE_NAMED, MEMBER(settings), NULL, .setting = "virtualisation.tpm.enable",
     .help = "give the guest a TPM"},
    {"dry-run", 'n', COMMANDLINE_CHOICE, MEMBER(dry_run), "FORMAT", .choices = dry_runs,
     .optional = "text",
     .help = "print QEMU's command (text) or the whole plan (json), and make nothing"},
    {"accel", 0, COMMANDLINE_CHOICE, MEMBER(plan.accel), "auto|kvm|tcg", .choices = accelerators,
     .help = "the accelerator; auto: KVM where it can be used, else TCG"},
    {"on-term", 0, COMMANDLINE_CHOICE, MEMBER(plan.on_term), "auto|poweroff|quit",
     .choices = endings,
     .help = "what the first SIGTERM does: the guest powers down, or QEMU quits at once; auto: as "
             "runVm.onTerm says"},
    {"timeout", 0, COMMANDLINE_TEXT, MEMBER(timeout), "SECONDS",
     .help = "end the machine, with exit status 124, if it still runs after so long"},
    {"verbose", 'v', COMMANDLINE_FLAG, MEMBER(plan.verbose), NULL,
     .help = "show the kernel's messages, in place of a line with the steps of the boot"},
    {"keep-tmp", 0, COMMANDLINE_FLAG, MEMBER(plan.keep_tmp), NULL,
     .help = "leave the temporary directory behind"},
    {"boot-chart", 0, COMMANDLINE_TEXT, MEMBER(plan.boot_chart), "FILE",
     .help = "draw where the time of the boot goes: FILE.svg with its data, or FILE.json alone"},
    {"boot-chart-initcalls", 0, COMMANDLINE_FLAG, MEMBER(initcalls), NULL,
     .help = "show the kernel's initcalls in the chart, which takes the kernel longer"},
    {"kernel", 'k', COMMANDLINE_TEXT, MEMBER(plan.kernel), "FILE", .help = "boot this kernel"},
    {"modules-dir", 0, COMMANDLINE_TEXT, MEMBER(plan.modules_dir), "DIR",
     .help = "the kernel's modules, lib/modules/VERSION"},
    {"init", 0, COMMANDLINE_TEXT, MEMBER(plan.init), "PATH",
     .help = "what the guest starts as stage 2"},
    {"append", 'a', COMMANDLINE_TEXTS, MEMBER(plan.append), "PARAMETERS",
     .help = "more kernel parameters; may be repeated"},
    {"root-dir", 'r', COMMANDLINE_TEXT, MEMBER(plan.root_dir), "DIR",
     .help =
         "a directory as the guest's root, read-only, with a tmpfs over it for what is written; "
         "no disk image is made unless one is named. Without --config its newest kernel boots"},
    {"root-dir-owner", 0, COMMANDLINE_CHOICE, MEMBER(plan.root_owner), "auto|keep|root",
     .choices = owners,
     .help = "owner of the tree's files in the guest: the one on the host (keep), or root in place "
             "of the user who owns the tree; auto: root if that is you"},
    {"rw", 'w', COMMANDLINE_FLAG, MEMBER(plan.root_writable), NULL,
     .help = "what the guest writes to its root is written to the directory of --root-dir"},
    {"guest-init", 0, COMMANDLINE_TEXT, MEMBER(plan.guest_init), "FILE",
     .help = "the init that goes into the initrd, in place of the one installed with run-vm"},
    {"no-network", 0, COMMANDLINE_NAMED, MEMBER(settings), NULL,
     .setting = "virtualisation.qemu.networkingOptions", .convert = networkoption_none,
     .help = "give the guest no network card"},
    {"cwd", 0, COMMANDLINE_TEXT, MEMBER(plan.exec.directory), "DIR",
     .help = "the working directory of --exec's command, a path in the guest (/)"},
    {"user", 0, COMMANDLINE_TEXT, MEMBER(plan.exec.user), "NAME[:GROUP]",
     .help = "the guest's user that --exec's command runs as, also UID[:GID] (root)"},
    {"env", 0, COMMANDLINE_TEXTS, MEMBER(plan.exec.variables), "NAME[=VALUE]",
     .help = "a variable for --exec's command; NAME alone passes run-vm's; may be repeated"},
    {"here", 0, COMMANDLINE_FLAG, MEMBER(here), NULL, .setting = "virtualisation.sharedDirectories",
     .help = "share this directory at the same path, for reading and writing; --exec's command "
             "starts in it"},
    {"warm", 0, COMMANDLINE_NAMED, MEMBER(settings), NULL, .setting = "runVm.warmStart",
     .help = "start --exec's machine from a snapshot, which the first start makes"},
    {"exec", 0, COMMANDLINE_REST, MEMBER(plan.exec.arguments), "COMMAND [ARGUMENT...]",
     .help = "run this in the guest instead of stage 2; the last option"},
    {"ssh", 0, COMMANDLINE_NAMED, MEMBER(settings), NULL, .setting = "runVm.ssh",
     .help = "let run-vm ssh in by the guest's own sshd, which a guest without run-vm's agent "
             "needs"},
    {"detach", 'd', COMMANDLINE_FLAG, MEMBER(plan.detach), NULL,
     .help = "run the machine in the background, its console in a log; see run-vm console"},
    {"name", 0, COMMANDLINE_TEXT, MEMBER(name), "NAME",
     .help = "what run-vm list and the commands for running machines call this one; by default its "
             "system.name, or the name of the directory that is its root, with a number if another "
             "one has that"},
    {"connect", 0, COMMANDLINE_TEXT, MEMBER(connect), "URI",
     .help = "let a libvirt start the machine, on this host or another: qemu+ssh://HOST/system; "
             "its store has to be an image, and no directory is shared"},
    {"count", 0, COMMANDLINE_TEXT, MEMBER(count), "NUMBER",
     .help = "with --connect: start so many of it, NAME-1, NAME-2, ..., and leave them running"},
    {"help", 'h', COMMANDLINE_HELP, 0, NULL, .help = "print this"},
    {"version", 'V', COMMANDLINE_FLAG, MEMBER(version), NULL, .help = "print the version"},
};
const struct commandline runoptions_syntax = {
    .options = run_option_table,
    .count = ELEMENTS(run_option_table),
    .rest = "QEMU-ARGUMENTS",
    .rest_offset = MEMBER(plan.qemu_arguments),
    .option_hint = " (QEMU's come after --)",
    .word_hint = " (a configuration comes after --config, QEMU's arguments after --)",
};
const struct commandline runoptions_prepare_syntax = {
    .options = run_option_table,
    .count = ELEMENTS(run_option_table),
    .words = "[DIR]",
    .words_offset = MEMBER(words),
    .words_most = 1,
    .rest = "QEMU-ARGUMENTS",
    .rest_offset = MEMBER(plan.qemu_arguments),
};
const struct commandline runoptions_libvirt_syntax = {
    .options = run_option_table,
    .count = ELEMENTS(run_option_table),
    .words = "[session|system] [DIR]",
    .words_offset = MEMBER(words),
    .words_most = 2,
    .rest = "QEMU-ARGUMENTS",
    .rest_offset = MEMBER(plan.qemu_arguments),
};

int runoptions_check(const struct run_options *options, struct error *e)
{
    const struct guestcommand *exec = &options->plan.exec;
    if (!exec->arguments.count && (exec->directory || exec->user || exec->variables.count))
        return error_set(e, -EINVAL,
                         "--cwd, --user and --env are for a command: give it with --exec, last");
    if (options->name && !registry_is_name(options->name))
        return error_set(e, -EINVAL,
                         "--name: is \"%s\", expected at most %d letters, digits, \".\", \"_\" and "
                         "\"-\", of which the first is a letter or digit",
                         options->name, REGISTRY_NAME);
    if (options->plan.root_writable && !options->plan.root_dir)
        return error_set(e, -EINVAL, "--rw: needs --root-dir DIR, the directory to write to");
    if (options->plan.boot_chart && bootchart_check(options->plan.boot_chart, e) < 0)
        return -EINVAL;
    if (options->initcalls && !options->plan.boot_chart)
        return error_set(e, -EINVAL,
                         "--boot-chart-initcalls: there is no chart: give --boot-chart "
                         "FILE as well");
    if (options->count && !options->connect)
        return error_set(e, -EINVAL,
                         "--count: needs --connect URI, the libvirt that starts the machines");
    unsigned int timeout = 0;
    if (options->timeout && deadline_parse(&timeout, options->timeout, e) < 0)
        return -EINVAL;
    if (options->plan.detach && exec->arguments.count)
        return error_set(e, -EINVAL,
                         "--detach: expected no --exec, whose command has the streams of this "
                         "run-vm");
    if (options->config_files.count || options->plan.kernel || options->plan.root_dir ||
        options->settings.count)
        return 0;
    return error_set(e, -EINVAL,
                     "nothing to run: give --root-dir DIR, --config FILE or --kernel FILE; see "
                     "--help");
}

int runoptions_read_runner(struct run_options *options, char *const *argv, struct error *e)
{
    char *config = runner_find_config(argv[0], e);
    if (!config)
        return -ENOENT;
    options->plan.runner = true;
    strv_take(&options->config_files, config);
    for (size_t i = 1; argv[i]; i++)
        strv_push(&options->plan.qemu_arguments, argv[i]);
    return 0;
}
