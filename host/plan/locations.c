/* SPDX-License-Identifier: MIT */
/* Locations of the temporary directory, the disk image and the EFI variables. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/plan/planner.h"
#include "host/system/path.h"

/* Copies a path without the slashes at its end; the caller frees. */
static char *trim_slashes(const char *path)
{
    size_t length = strlen(path);

    while (length > 0 && path[length - 1] == '/')
        length--;
    return xstrndup(path, length);
}

static void set_directory(struct planner *p, char *directory)
{
    p->plan->cwd = directory;
    variables_set(&p->variables, "TMPDIR", directory);
    variables_set(&p->variables, "PWD", directory);
    variables_set(&p->variables, "OLDPWD", p->at->cwd);
}

static void place_temporary_directory(struct planner *p)
{
    if (p->options->directory) {
        p->keep_tmp = true;
        set_directory(p, xstrdup(p->options->directory));
        return;
    }
    const char *given = variables_nonempty(&p->variables, "TMPDIR");
    char *parent CLEANUP_FREE = path_absolute(p->at->cwd, given ? given : "/tmp");
    char *plain CLEANUP_FREE = trim_slashes(parent);
    bool kept = given && variables_nonempty(&p->variables, "USE_TMPDIR");
    struct stat st;
    bool there = stat(parent, &st) == 0;

    if (given && path_tilde_problem(given))
        planner_environment_problem(p, "TMPDIR", "\"%s\" %s", given, path_tilde_problem(given));
    else if (there ? !S_ISDIR(st.st_mode) : !kept)
        planner_environment_problem(p, "TMPDIR",
                                    "\"%s\" is not a directory; expected a directory%s", parent,
                                    kept ? ", or nothing" : "");
    p->keep_tmp = kept || p->options->keep_tmp;
    set_directory(p, kept ? TAKE(parent) : xasprintf("%s/nix-vm.%s", plain, p->at->random));
}

/* Makes SHARED_DIR absolute: it is relative to the caller's directory, not to QEMU's. */
static void place_shared_directory(struct planner *p)
{
    const char *given = variables_nonempty(&p->variables, "SHARED_DIR");
    char *absolute CLEANUP_FREE = given ? path_absolute(p->at->cwd, given) : NULL;

    if (given && path_tilde_problem(given))
        planner_environment_problem(p, "SHARED_DIR", "\"%s\" %s", given, path_tilde_problem(given));
    if (absolute)
        variables_set(&p->variables, "SHARED_DIR", absolute);
}

/* A file that an environment variable names, or else an option. */
struct named_file {
    const char *variable;
    const char *option;
    bool is_directory; /* it is a directory instead */
};

static void note_problem(struct planner *p, const struct named_file *file, const char *what)
{
    if (variables_nonempty(&p->variables, file->variable))
        planner_environment_problem(p, file->variable, "%s", what);
    else
        config_problem(p->config, file->option, "%s", what);
}

/* Expands the option's path; the caller frees. NULL after a problem. */
static char *expand_option(struct planner *p, const struct named_file *file)
{
    struct expand_variables variables = variables_for_expansion(&p->variables);
    const char *text = config_text(p->config, file->option);
    struct error e CLEANUP_ERROR = {0};

    variables.unset = EXPAND_UNSET_ERROR;
    char *expanded = expand_quoted(text ? text : "", &variables, &e);

    /* the default is made of the machine's name, about which there will be a message */
    if (!expanded && config_is_set(p->config, file->option))
        config_text_problem(p->config, file->option, text, e.message);
    return expanded;
}

/* Resolves the file's path; the caller frees. NULL after a problem. */
static char *find_file(struct planner *p, const struct named_file *file)
{
    const char *given = variables_nonempty(&p->variables, file->variable);
    char *path CLEANUP_FREE = given ? xstrdup(given) : expand_option(p, file);
    struct error e CLEANUP_ERROR = {0};
    char *resolved CLEANUP_FREE = NULL;
    struct stat st;

    if (!path)
        return NULL;
    if (path_tilde_problem(path)) {
        (void)error_set(&e, -1, "\"%s\" %s", path, path_tilde_problem(path));
        note_problem(p, file, e.message);
        return NULL;
    }
    if (plan_is_temporary(p->plan, path) && access(p->plan->cwd, F_OK) < 0)
        return TAKE(path); /* that directory is yet to be made, and nothing is in it */
    if (path_resolve(&resolved, p->at->cwd, path, &e) < 0) {
        (void)error_context(&e, -1, "\"%s\" cannot be used", path);
        note_problem(p, file, e.message);
        return NULL;
    }
    if (stat(resolved, &st) == 0 && S_ISDIR(st.st_mode) != file->is_directory) {
        (void)error_set(&e, -1, "\"%s\" is %s directory; expected a %s, or nothing", path,
                        file->is_directory ? "not a" : "a",
                        file->is_directory ? "directory" : "file");
        note_problem(p, file, e.message);
        return NULL;
    }
    return TAKE(resolved);
}

/* The same, and sets the variable to the path. After a problem too the variable has a value, so
 * that options that name it have no problem of their own. */
static char *resolve_file(struct planner *p, const struct named_file *file)
{
    char *resolved = find_file(p, file);

    variables_set(&p->variables, file->variable, resolved ? resolved : "?");
    return resolved;
}

/* Sets NIX_DISK_IMAGE_DIR, for files beside the disk image: no $(dirname …) is run. */
static void set_image_directory(struct planner *p)
{
    const char *image = p->disk_image ? p->disk_image : "?/";
    const char *slash = strrchr(image, '/');
    char *directory CLEANUP_FREE = xstrndup(image, slash > image ? (size_t)(slash - image) : 1);

    variables_set(&p->variables, "NIX_DISK_IMAGE_DIR", directory);
}

/* Moves a disk image that does not exist, and whose content is to be lost, to the temporary
 * directory. */
static void make_temporary(struct planner *p, const char *variable)
{
    if (!p->disk_image || access(p->disk_image, F_OK) == 0 ||
        !streq(config_text(p->config, "runVm.diskImageWrites"), "discard"))
        return;
    free(p->disk_image);
    p->disk_image = planner_temporary(p, "root.qcow2");
    variables_set(&p->variables, variable, p->disk_image);
}

static void place_disk_image(struct planner *p)
{
    static const struct named_file file = {"NIX_DISK_IMAGE", "virtualisation.diskImage", false};

    if (config_text(p->config, file.option)) {
        p->disk_image = resolve_file(p, &file);
        make_temporary(p, file.variable);
        set_image_directory(p);
    } else if (variables_nonempty(&p->variables, file.variable)) {
        strv_pushf(&p->config->warnings,
                   "%s is set but not used: %s is null, so that the root is a tmpfs.",
                   file.variable, file.option);
    }
}

static void place_efi_variables(struct planner *p)
{
    static const struct named_file file = {"NIX_EFI_VARS", "virtualisation.efiVars", false};

    if (config_bool(p->config, "virtualisation.useEFIBoot"))
        p->efi_vars = resolve_file(p, &file);
}

static void place_tpm_state(struct planner *p)
{
    static const struct named_file file = {"NIX_SWTPM_DIR", "runVm.tpmState", true};

    if (config_bool(p->config, "virtualisation.tpm.enable"))
        p->tpm_state = resolve_file(p, &file);
}

void plan_places(struct planner *p)
{
    place_temporary_directory(p);
    place_shared_directory(p);
    place_disk_image(p);
    place_efi_variables(p);
    place_tpm_state(p);
}
