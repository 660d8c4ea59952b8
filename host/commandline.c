/* SPDX-License-Identifier: MIT */
#include "host/commandline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "host/commands/runner.h"

static const char *const dry_runs[] = {"no", "text", "json", NULL};
static const char *const accelerators[] = {"auto", "kvm", "tcg", NULL};

#define MEMBER(name) offsetof(struct options, name)

const struct command_option command_options[] = {
    {"config", 'c', OPTION_TEXTS, MEMBER(config_files), "FILE",
     .help = "the configuration, JSON (run-vm.json(5)); - is standard input; may be repeated"},
    {"option", 'o', OPTION_TEXTS, MEMBER(settings), "OPTION=VALUE",
     .help = "set an option of the configuration, such as virtualisation.memorySize=2048"},
    {"dry-run", 'n', OPTION_CHOICE, MEMBER(dry_run), "FORMAT", .choices = dry_runs,
     .optional = "text",
     .help = "print QEMU's command (text) or the whole plan (json), and make nothing"},
    {"accel", 0, OPTION_CHOICE, MEMBER(accel), "auto|kvm|tcg", .choices = accelerators,
     .help = "the accelerator; auto: KVM where it can be used, else TCG"},
    {"keep-tmp", 0, OPTION_FLAG, MEMBER(keep_tmp), NULL,
     .help = "leave the temporary directory behind"},
    {"kernel", 'k', OPTION_TEXT, MEMBER(kernel), "FILE", .help = "boot this kernel"},
    {"modules-dir", 0, OPTION_TEXT, MEMBER(modules_dir), "DIR",
     .help = "the kernel's modules, lib/modules/VERSION"},
    {"init", 0, OPTION_TEXT, MEMBER(init), "PATH", .help = "what the guest starts as stage 2"},
    {"append", 'a', OPTION_TEXTS, MEMBER(append), "PARAMETERS",
     .help = "more kernel parameters; may be repeated"},
    {"root-dir", 0, OPTION_TEXT, MEMBER(root_dir), "DIR",
     .help =
         "a directory as the guest's root, read-only, with a tmpfs over it for what is written; "
         "no disk image is made unless one is named"},
    {"guest-init", 0, OPTION_TEXT, MEMBER(guest_init), "FILE",
     .help = "the init that goes into the initrd, in place of the one installed with run-vm"},
    {"exec", 0, OPTION_REST, MEMBER(exec), "COMMAND [ARGUMENT...]",
     .help = "run this in the guest instead of stage 2; the last option"},
    {"help", 'h', OPTION_FLAG, MEMBER(help), NULL, .help = "print this"},
    {"version", 'V', OPTION_FLAG, MEMBER(version), NULL, .help = "print the version"},
};
const size_t command_option_count = ELEMENTS(command_options);

static int set_choice(const struct command_option *option, unsigned int *member, const char *text,
                      struct error *e)
{
    struct strv all CLEANUP_STRV = {0};
    char *list CLEANUP_FREE = NULL;

    for (unsigned int i = 0; option->choices[i]; i++) {
        /* an option with choices takes an argument: NOLINTNEXTLINE(clang-analyzer-core.NonNull*) */
        if (streq(option->choices[i], text)) {
            *member = i;
            return 0;
        }
        strv_push(&all, option->choices[i]);
    }
    list = strv_join(&all, ", ");
    return error_set(e, -EINVAL, "--%s: is \"%s\", expected one of %s", option->name, text, list);
}

static int set_option(struct options *options, const struct command_option *option,
                      const char *text, struct error *e)
{
    char *member = (char *)options + option->offset;

    switch (option->kind) {
    case OPTION_FLAG:
        *(bool *)(void *)member = true;
        break;
    case OPTION_TEXT:
        free(*(char **)(void *)member);
        *(char **)(void *)member = xstrdup(text);
        break;
    case OPTION_TEXTS:
    case OPTION_REST:
        strv_push((struct strv *)(void *)member, text);
        break;
    case OPTION_CHOICE:
        return set_choice(option, (unsigned int *)(void *)member, text, e);
    }
    return 0;
}

static const struct command_option *find_name(const char *name, size_t length)
{
    for (size_t i = 0; i < command_option_count; i++)
        if (strlen(command_options[i].name) == length &&
            !strncmp(command_options[i].name, name, length))
            return &command_options[i];
    return NULL;
}

static const struct command_option *find_letter(char letter)
{
    for (size_t i = 0; letter && i < command_option_count; i++)
        if (command_options[i].letter == letter)
            return &command_options[i];
    return NULL;
}

/* The argument at `argv` and, where an option wants it, the next one. The number of arguments
 * taken, or -EINVAL. */
static int take_option(struct options *options, char *const *argv, struct error *e)
{
    const char *text = argv[0];
    bool is_long = text[1] == '-';
    const char *value = is_long ? strchr(text, '=') : text[1] && text[2] ? text + 2 : NULL;
    const struct command_option *option =
        is_long ? find_name(text + 2, value ? (size_t)(value - text) - 2 : strlen(text + 2))
                : find_letter(text[1]);
    int taken = 1;
    int r;

    if (!option)
        return error_set(e, -EINVAL, "%s: no such option (QEMU's come after --); see --help", text);
    if (is_long && value)
        value++;
    if (!option->argument && value)
        return error_set(e, -EINVAL, "%s: --%s takes no argument", text, option->name);
    if (option->argument && !value) {
        value = option->optional ? option->optional : argv[1];
        taken += !option->optional;
    }
    if (option->argument && !value)
        return error_set(e, -EINVAL, "--%s needs an argument: %s", option->name, option->argument);
    r = set_option(options, option, value ? value : "", e);
    if (r == 0 && option->kind == OPTION_REST)
        for (; argv[taken]; taken++)
            r = set_option(options, option, argv[taken], e);
    return r < 0 ? r : taken;
}

int options_parse(struct options *options, int argc, char *const *argv, struct error *e)
{
    int i = 1;

    if (argc > 0 && runner_is_name(argv[0])) {
        char *config = runner_find_config(argv[0], e);

        if (!config)
            return -ENOENT;
        options->runner = true;
        strv_take(&options->config_files, config);
    } else {
        while (i < argc && argv[i][0] == '-' && !streq(argv[i], "--")) {
            int r = take_option(options, argv + i, e);

            if (r < 0)
                return r;
            i += r;
        }
        if (i < argc && !streq(argv[i], "--"))
            return error_set(e, -EINVAL,
                             "%s: expected an option (a configuration comes after --config, QEMU's "
                             "arguments after --)",
                             argv[i]);
        i++;
    }
    for (; i < argc; i++)
        strv_push(&options->qemu_arguments, argv[i]);
    if (!options->help && !options->version && !options->config_files.count && !options->kernel &&
        !options->settings.count)
        return error_set(e, -EINVAL,
                         "nothing to run: give --config FILE, or --kernel FILE; see --help");
    return 0;
}

/* The columns of --help. */
#define HELP_WIDTH  79
#define HELP_INDENT 33

/* The words of a text, from the column on, with lines broken before HELP_WIDTH. */
static void print_wrapped(FILE *out, const char *text, size_t column)
{
    const char *gap = "";

    for (; *text; text += strspn(text, " ")) {
        size_t length = strcspn(text, " ");

        if (column + strlen(gap) + length > HELP_WIDTH) {
            (void)fprintf(out, "\n%*s", HELP_INDENT, "");
            column = HELP_INDENT;
            gap = "";
        }
        (void)fprintf(out, "%s%.*s", gap, (int)length, text);
        column += strlen(gap) + length;
        text += length;
        gap = " ";
    }
    (void)fputc('\n', out);
}

void options_print_help(FILE *out)
{
    (void)fputs("usage: run-vm [OPTIONS] [-- QEMU-ARGUMENTS]\n"
                "       run-vm cache [list | prune [--max-size SIZE] [--older-than DAYS]]\n"
                "Boots a NixOS system, or any Linux tree, in a QEMU virtual machine.\n\n",
                out);
    for (size_t i = 0; i < command_option_count; i++) {
        const struct command_option *option = &command_options[i];
        char letter[] = {'-', option->letter, ',', '\0'};
        const char *argument = option->argument ? option->argument : "";
        const char *sign = !option->argument ? "" : option->optional ? "[=" : " ";
        char *left CLEANUP_FREE =
            xasprintf("  %-3s --%s%s%s%s", option->letter ? letter : "", option->name, sign,
                      argument, option->optional ? "]" : "");

        bool alone = strlen(left) > HELP_INDENT - 3;

        (void)fprintf(out, "%s%s%*s", left, alone ? "\n" : "",
                      HELP_INDENT - (alone ? 0 : (int)strlen(left)), "");
        print_wrapped(out, option->help, HELP_INDENT);
    }
    (void)fputs("\nEnvironment: NIX_DISK_IMAGE, NIX_EFI_VARS, SHARED_DIR, TMPDIR, USE_TMPDIR,\n"
                "QEMU_OPTS, QEMU_NET_OPTS, QEMU_KERNEL_PARAMS, NIXPKGS_QEMU_KERNEL_<name>.\n"
                "Manual: run-vm(1), run-vm.json(5).\n",
                out);
}

void options_free(struct options *options)
{
    for (size_t i = 0; i < command_option_count; i++) {
        char *member = (char *)options + command_options[i].offset;

        if (command_options[i].kind == OPTION_TEXT)
            free(*(char **)(void *)member);
        else if (command_options[i].kind == OPTION_TEXTS || command_options[i].kind == OPTION_REST)
            strv_free((struct strv *)(void *)member);
    }
    strv_free(&options->qemu_arguments);
    *options = (struct options){0};
}
