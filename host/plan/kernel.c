/* SPDX-License-Identifier: MIT */
/* Direct boot: the kernel, its initrd and its parameters. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/text.h"
#include "host/machine/qemuoption.h"
#include "host/plan/planner.h"
#include "host/system/path.h"

static const char *toplevel(const struct planner *p)
{
    return config_text(p->config, "system.build.toplevel");
}

/* Returns NIXPKGS_QEMU_KERNEL_<name>, with a _ for each byte of the name that is not an ASCII
 * letter or digit; the caller frees. */
static char *kernel_variable(const struct planner *p)
{
    static const char prefix[] = "NIXPKGS_QEMU_KERNEL_";
    const char *name = config_text(p->config, "system.name");
    char *variable = xasprintf("%s%s", prefix, name ? name : "");

    for (char *c = variable + strlen(prefix); *c; c++)
        if (!isascii((unsigned char)*c) || !isalnum((unsigned char)*c))
            *c = '_';
    return variable;
}

/* Returns the kernel to boot; the caller frees. "" after adding a problem. */
static char *find_kernel(struct planner *p)
{
    char *variable CLEANUP_FREE = kernel_variable(p);
    const char *given = variables_nonempty(&p->variables, variable);

    if (p->options->kernel) {
        char *found = planner_named_path(p, p->options->kernel);
        return found ? found : path_absolute(p->at->cwd, ""); /* plan_checks() has named it */
    }
    if (given)
        return xstrdup(given);
    if (!toplevel(p)) {
        config_problem(p->config, "system.build.toplevel",
                       "is not set, expected the system to boot, or --kernel FILE");
        return xstrdup("");
    }
    char *path CLEANUP_FREE = xasprintf("%s/kernel", toplevel(p));
    char *found = planner_store_path(p, "system.build.toplevel", path);
    return found ? found : xstrdup("");
}

/* Returns the contents of the system's file kernel-params or, without a system, the parameters of
 * the tree and boot.kernelParams. The caller frees. */
static char *system_parameters(struct planner *p)
{
    if (!toplevel(p)) {
        struct strv list CLEANUP_STRV = {0};
        struct strv configured CLEANUP_STRV = config_texts(p->config, "boot.kernelParams");

        strv_extend(&list, &p->options->tree_params);
        strv_extend(&list, &configured);
        return strv_join(&list, " ");
    }
    struct error e CLEANUP_ERROR = {0};
    char *inside CLEANUP_FREE = xasprintf("%s/kernel-params", toplevel(p));
    char *path CLEANUP_FREE = planner_store_path(p, "system.build.toplevel", inside);
    size_t size = 0;
    char *text = path ? file_read(path, FILE_LIMIT, &size, &e) : NULL;
    if (path && !text && !config_has_problem(p->config, "system.build.toplevel"))
        config_problem(p->config, "system.build.toplevel",
                       "%s, expected the system's kernel parameters", e.message);
    while (text && size > 0 && text[size - 1] == '\n')
        text[--size] = '\0';
    return text ? text : xstrdup("");
}

/* Appends the names of the consoles, expanded. */
static void get_consoles(struct planner *p, struct strv *consoles)
{
    static const char option[] = "virtualisation.qemu.consoles";
    static const char platform[] = "nixpkgs.hostPlatform";
    struct expand_variables variables = variables_for_expansion(&p->variables);

    if (!p->guest->serial && !config_is_set(p->config, option) &&
        !config_has_problem(p->config, platform)) {
        char *known CLEANUP_FREE = platform_known();

        config_problem_of(
            p->config, platform, option,
            "has no default for \"%s\" (nixpkgs.hostPlatform), which run-vm does not "
            "know, expected a list such as [\"ttyS0\"], or one of the platforms that it "
            "knows: %s",
            p->config->platform_name, known);
    }
    struct strv given CLEANUP_STRV = config_texts(p->config, option);
    for (size_t i = 0; i < given.count; i++) {
        struct error e CLEANUP_ERROR = {0};
        char *name = expand_quoted(given.items[i], &variables, &e);

        if (name)
            strv_take(consoles, name);
        else
            config_text_problem(p->config, option, given.items[i], e.message);
    }
}

/* Returns the value of init=, the program that is stage 2; the caller frees. NULL: none is named.
 */
static char *find_stage2(const struct planner *p)
{
    if (p->options->init)
        return xstrdup(p->options->init);
    return toplevel(p) ? xasprintf("%s/init", toplevel(p)) : NULL;
}

/* Returns $QEMU_KERNEL_PARAMS and --append, which come last; the caller frees. */
static char *last_parameters(const struct planner *p)
{
    const char *given = variables_get(&p->variables, "QEMU_KERNEL_PARAMS");
    char *append CLEANUP_FREE = strv_join(&p->options->append, " ");

    return xasprintf("%s%s%s", given ? given : "", given && *given && *append ? " " : "", append);
}

/* Returns the parameters as the script of qemu-vm.nix writes them, blank by blank; the caller
 * frees. */
static char *plain_parameters(struct planner *p)
{
    char *system CLEANUP_FREE = system_parameters(p);
    char *init CLEANUP_FREE = find_stage2(p);
    char *last CLEANUP_FREE = last_parameters(p);
    struct strv consoles CLEANUP_STRV = {0};
    struct strv words CLEANUP_STRV = {0};

    get_consoles(p, &consoles);
    for (size_t i = 0; i < consoles.count; i++)
        strv_pushf(&words, "console=%s", consoles.items[i]);
    char *joined CLEANUP_FREE = strv_join(&words, " ");
    return xasprintf("%s%s%s%s%s %s %s", system, init ? " init=" : "", init ? init : "",
                     p->reg_info ? " regInfo=" : "", p->reg_info ? p->reg_info : "", joined, last);
}

/* Appends a word, quoted for the kernel. */
static void push_word(struct planner *p, struct strv *list, const struct cmdline_word *word)
{
    struct error e CLEANUP_ERROR = {0};
    char *text = cmdline_quote(word->name, word->value, &e);

    if (text)
        strv_take(list, text);
    else
        config_note(p->config, "kernel parameters: %s", e.message);
}

static bool has_parameter(const char *text, const char *name, const char *value)
{
    struct cmdline line CLEANUP_CMDLINE = {0};
    bool found = false;

    (void)cmdline_parse(&line, text);
    for (size_t i = 0; i < line.count && !found; i++)
        found = streq(line.words[i].name, name) &&
                (!value || (line.words[i].value && streq(line.words[i].value, value)));
    return found;
}

/* Returns the last root= of the parameters, which is the one that counts; the caller frees. NULL:
 * there is none. */
static char *find_root(const char *text)
{
    struct cmdline line CLEANUP_CMDLINE = {0};
    const char *root = NULL;

    (void)cmdline_parse(&line, text);
    for (size_t i = 0; i < line.count; i++)
        if (streq(line.words[i].name, "root"))
            root = line.words[i].value;
    return xstrdup(root);
}

/* Lets errors of the kernel through, and what is worse. "quiet" is the same for the kernel, but
 * silences systemd, too. */
#define QUIET_LEVEL "4"

/* True if the parameters decide which of the kernel's messages are on the console. */
static bool decides_on_messages(const char *given)
{
    static const char *const names[] = {"loglevel", "quiet", "debug", "ignore_loglevel"};

    for (size_t i = 0; i < ELEMENTS(names); i++)
        if (has_parameter(given, names[i], NULL))
            return true;
    return false;
}

/* True if run-vm shows the steps of the boot in place of the kernel's messages: for a tree on a
 * terminal whose console is there, where init's marks say which step it is. */
static bool is_quiet(const struct planner *p)
{
    static const char *const others[] = {"serial", "display", "chardev",   "monitor",
                                         "mon",    "qmp",     "nodefaults"};

    for (size_t i = 0; i < ELEMENTS(others); i++)
        if (qemu_option_find(&p->given, others[i]))
            return false;
    return p->options->tree_start && !p->options->verbose && !p->options->detach &&
           p->at->on_terminal && p->dialect->own_init && p->guest->family == FAMILY_X86 &&
           p->options->exec.arguments.count == 0 &&
           !config_bool(p->config, "virtualisation.graphics");
}

/* Adds parameters with which the kernel starts faster, or more reliably, in a virtual machine. A
 * kernel ignores those that it does not know. */
static void add_kernel_parameters(const struct planner *p, const char *given, struct cmdline *words)
{
    /* on a busy host an emulated timer fails the kernel's check, and the kernel panics */
    if (p->emulated && p->guest->family == FAMILY_X86)
        cmdline_add(words, "no_timer_check", NULL);
    /* FIPS 140 requires these tests */
    if (!config_bool(p->config, "runVm.kernelSelfTests") && !has_parameter(given, "fips", "1") &&
        !has_parameter(given, "cryptomgr.notests", NULL))
        cmdline_add(words, "cryptomgr.notests", "1");
    if (p->plan->quiet && !decides_on_messages(given))
        cmdline_add(words, "loglevel", QUIET_LEVEL);
    for (size_t i = 0; i < p->kernel_words.count; i++)
        cmdline_add(words, p->kernel_words.words[i].name, p->kernel_words.words[i].value);
}

/* True if the parameters decide what init does after a fatal error. */
static bool decides_on_fail(const char *given)
{
    static const char *const names[] = {"vm.onfail", "boot.panic_on_fail", "stage1panic",
                                        "boot.shell_on_fail"};

    for (size_t i = 0; i < ELEMENTS(names); i++)
        if (has_parameter(given, names[i], NULL))
            return true;
    return false;
}

/* Fills in the parameters of our init. `given` are the system's and the user's. */
static void set_params(struct planner *p, const char *given)
{
    struct guest_params *params = &p->params;

    params->init = find_stage2(p);
    if (p->reg_info && config_bool(p->config, "nix.enable"))
        params->reg_info = xstrdup(p->reg_info);
    get_consoles(p, &params->consoles);
    plan_guest_params(p);
    /* without a terminal nobody can answer a prompt, and --detach leaves it */
    if ((p->at->input != INPUT_TERMINAL || p->options->detach) && !decides_on_fail(given))
        params->on_fail = ON_FAIL_POWEROFF;
    plan_blank_disks(p);
    if (p->options->tree_start && p->at->on_terminal && p->at->rows > 0 && p->at->columns > 0 &&
        p->options->exec.arguments.count == 0 && !config_bool(p->config, "virtualisation.graphics"))
        params->console_size = xasprintf("%ux%u", p->at->rows, p->at->columns);
}

/* Parameters of a start with our init, in their order. */
struct parts {
    const char *system; /* the system's own */
    const char *kept;   /* ours, without the prefix */
    const char *moved;  /* ours, with the prefix */
    const char *last;   /* the user's */
};

/* Joins the parts; the caller frees. */
static char *join_parts(const struct parts *parts)
{
    return xasprintf("%s%s%s %s%s%s", parts->system, *parts->system ? " " : "", parts->kept,
                     parts->moved, *parts->last ? " " : "", parts->last);
}

/* Joins the parameters, `words` being ours; the caller frees. Ours with the prefix move into the
 * initrd's bootconfig if the guest's kernels do not take so long a command line: init reads only
 * those there. */
static char *fit_cmdline(struct planner *p, const char *system, const struct cmdline *words,
                         const char *last)
{
    struct strv kept CLEANUP_STRV = {0};
    struct strv moved CLEANUP_STRV = {0};

    for (size_t i = 0; i < words->count; i++)
        push_word(p, startswith(words->words[i].name, PARAM_PREFIX) ? &moved : &kept,
                  &words->words[i]);
    char *kept_text CLEANUP_FREE = strv_join(&kept, " ");
    char *moved_text CLEANUP_FREE = strv_join(&moved, " ");
    struct parts parts = {system, kept_text, moved_text, last};
    char *whole CLEANUP_FREE = join_parts(&parts);

    if (strlen(whole) < p->guest->cmdline_size)
        return TAKE(whole);
    for (size_t i = 0; i < words->count; i++)
        if (startswith(words->words[i].name, PARAM_PREFIX))
            cmdline_add(&p->plan->initrd.words, words->words[i].name, words->words[i].value);
    parts.moved = "bootconfig";
    char *text = join_parts(&parts);

    if (strlen(text) >= p->guest->cmdline_size)
        config_note(p->config,
                    "kernel parameters: are %zu bytes long, expected fewer than %zu: the guest's "
                    "kernel takes no more",
                    strlen(text), p->guest->cmdline_size);
    return text;
}

/* Returns all parameters of a start with our init; the caller frees. */
static char *own_parameters(struct planner *p)
{
    char *system CLEANUP_FREE = system_parameters(p);
    char *last CLEANUP_FREE = last_parameters(p);
    char *given CLEANUP_FREE = xasprintf("%s %s", system, last);
    struct cmdline words CLEANUP_CMDLINE = {0};

    p->given_root = find_root(last);
    set_params(p, given);
    guest_params_encode(&p->params, &words);
    add_kernel_parameters(p, given, &words);
    return fit_cmdline(p, system, &words, last);
}

/* Returns the initrd for QEMU; the caller frees. */
static char *find_initrd(struct planner *p)
{
    if (p->dialect->own_init) {
        plan_initrd(p);
        planner_add_file(p, FILE_INITRD, planner_temporary(p, "initrd"), NULL);
        return planner_temporary(p, "initrd");
    }
    const char *given = config_text(p->config, "virtualisation.directBoot.initrd");

    if (given) {
        char *found = planner_host_path(p, "virtualisation.directBoot.initrd", given);

        planner_need(p, "virtualisation.directBoot.initrd", found ? found : "", NEED_FILE);
        return found ? found : xstrdup("");
    }
    if (!toplevel(p)) {
        config_problem(p->config, "runVm.initrd",
                       "is \"system\", but there is no system.build.toplevel to have one, expected "
                       "\"builtin\"");
        return xstrdup("");
    }
    char *inside CLEANUP_FREE = xasprintf("%s/initrd", toplevel(p));
    char *found = planner_store_path(p, "system.build.toplevel", inside);
    return found ? found : xstrdup("");
}

/* With a kernel that it loads through PVH, QEMU puts the initrd right below the 160 KiB that it
 * expects the firmware's tables to take: larger tables and the initrd overwrite each other, and the
 * guest has no ACPI. The loader of a bzImage asks the firmware where memory ends. */
#define SPARE_BYTES 8192

/* True if QEMU's own firmware loads the kernel: another may be able to start a bzImage only. So
 * does the kernel that finds a TPM in front of libvirt's root ports, whose disks it would leave
 * off. */
static bool may_unpack(const struct planner *p)
{
    bool has_tpm = config_bool(p->config, "virtualisation.tpm.enable");

    return !(p->options->directory && has_tpm) && p->firmware_bytes <= SPARE_BYTES &&
           p->dialect->unpacks_kernel && streq(config_text(p->config, "runVm.kernel"), "auto") &&
           !config_bool(p->config, "virtualisation.useEFIBoot") &&
           !config_text(p->config, "virtualisation.bios");
}

/* Adds the kernel to the files that must exist. Its format is checked where we know that of the
 * guest's kernels. */
static void need_kernel(struct planner *p, const char *path)
{
    static const enum need_kind kinds[] = {
        [FAMILY_X86] = NEED_KERNEL_X86, [FAMILY_ARM] = NEED_KERNEL_ARM, [FAMILY_OTHER] = NEED_FILE};
    char *variable CLEANUP_FREE = kernel_variable(p);
    const char *option = p->options->kernel                            ? "--kernel"
                         : variables_nonempty(&p->variables, variable) ? variable
                                                                       : "system.build.toplevel";

    planner_need(p, option, path, kinds[p->guest->family]);
}

/* Returns the kernel for QEMU, unpacked if possible; the caller frees. */
static char *choose_kernel(struct planner *p)
{
    char *kernel = find_kernel(p);

    need_kernel(p, kernel);
    bool unpacked = may_unpack(p);
    if (!*kernel || (!unpacked && !p->options->directory))
        return kernel;
    planner_add_file(p, unpacked ? FILE_KERNEL : FILE_COPY, planner_temporary(p, "kernel"), kernel)
        ->replace = !unpacked;
    return planner_temporary(p, "kernel");
}

void plan_kernel(struct planner *p)
{
    p->plan->quiet = is_quiet(p);
    char *append = p->dialect->own_init ? own_parameters(p) : plain_parameters(p);
    struct cmdline line CLEANUP_CMDLINE = {0};

    cmdline_parse(&line, append);
    for (size_t i = 0; i < line.count; i++)
        strv_pushf(&p->plan->kernel_params, "%s%s%s", line.words[i].name,
                   line.words[i].value ? "=" : "", line.words[i].value ? line.words[i].value : "");
    if (p->dialect->own_init)
        p->plan->append_room = p->guest->cmdline_size - strnlen(append, p->guest->cmdline_size);
    char *image = choose_kernel(p);
    char *initrd = find_initrd(p);

    model_add(&p->plan->machine,
              (struct model_item){.kind = MODEL_KERNEL, .kernel = {image, initrd, append}});
}
