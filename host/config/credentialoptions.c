/* SPDX-License-Identifier: MIT */
#include "host/config/credentialoptions.h"

#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "host/config/config.h"
#include "host/config/position.h"

#define OPTION "virtualisation.credentials"

static const char *const mechanisms[] = {"smbios", "fw_cfg", NULL};
static const struct type type_mechanism = {
    .kind = TYPE_CHOICE, .name = "one of \"smbios\", \"fw_cfg\"", .choices = mechanisms};

static const struct option options[] = {
    {"source", &type_null_or_text, "null",
     .help = "The file on the host with the credential, of at most 1 MiB. Variables and quotes are "
             "expanded; a relative path is relative to the temporary directory."},
    {"text", &type_null_or_text, "null",
     .help = "The credential itself, instead of a file. Whoever can read the configuration can "
             "read it."},
    {"mechanism", &type_mechanism, .compute = credentialoptions_mechanism,
     .shown = "\"smbios\" for x86, else \"fw_cfg\"",
     .help = "\"smbios\": a string in the firmware's tables (type 11), where all credentials "
             "together have some 43 KiB. \"fw_cfg\": a file of QEMU's fw_cfg, for at most 10 "
             "credentials with names of at most 28 characters."},
};
static const struct type type_credential = {.kind = TYPE_SUBMODULE,
                                            .name = "set of source or text, and mechanism",
                                            .options = options,
                                            .option_count = ELEMENTS(options)};
const struct type type_credentials = {
    .kind = TYPE_ATTRS, .name = "attribute set of credentials", .element = &type_credential};

static bool prefers_smbios(const struct config *config)
{
    return config->platform->family == FAMILY_X86;
}

json_t *credentialoptions_mechanism(const struct scope *scope)
{
    return json_string(prefers_smbios(scope->config) ? "smbios" : "fw_cfg");
}

/* The longest name of a file of fw_cfg, less the directory opt/io.systemd.credentials/; and the
 * longest name that systemd takes. */
#define FW_CFG_NAME  28
#define LONGEST_NAME 255

/* Of fw_cfg's 32 files QEMU needs most for itself, and it aborts when there are more. */
#define FW_CFG_FILES 10

/* Accepts what systemd does: a file's name of printable ASCII, without a colon. In SMBIOS the first
 * equals sign ends the name. */
static bool is_name(const char *name, bool smbios)
{
    for (const char *c = name; *c; c++)
        if (*c <= ' ' || *c > '~' || *c == '/' || *c == ':' || (smbios && *c == '='))
            return false;
    return *name && !streq(name, ".") && !streq(name, "..") &&
           strlen(name) <= (smbios ? LONGEST_NAME : FW_CFG_NAME);
}

static void check(struct config *config, const struct credential *credential)
{
    const struct position credentials = {.name = OPTION};
    const struct position at = {
        .within = &credentials, .name = credential->name, .attribute = true};
    char *option CLEANUP_FREE = position_path(&at);

    if (!is_name(credential->name, credential->smbios))
        config_problem(config, option,
                       "has a name that systemd or QEMU cannot take, expected at most %d printable "
                       "characters, no blank, / or :%s",
                       credential->smbios ? LONGEST_NAME : FW_CFG_NAME,
                       credential->smbios ? " or =" : " (mechanism \"fw_cfg\")");
    if (credential->source && credential->text)
        config_problem(config, option, "has both source and text, expected one of them");
    if (!credential->source && !credential->text && !credential->ssh_key &&
        !config_has_problem(config, option))
        config_problem(config, option, "has neither source nor text, expected one of them");
    /* the firmware of Arm machines would have to be EFI, and others have no such tables */
    if (credential->smbios && !prefers_smbios(config))
        config_problem(config, option,
                       "has the mechanism \"smbios\", which machines for %s do not have, expected "
                       "\"fw_cfg\"",
                       config->platform_name);
}

void credentialoptions_decode(struct config *config, json_t *value)
{
    size_t files = 0;

    credential_decode(&config->credentials, value);
    if (config_bool(config, "runVm.ssh"))
        credential_add_ssh(&config->credentials, prefers_smbios(config));
    for (size_t i = 0; i < config->credentials.count; i++) {
        check(config, &config->credentials.items[i]);
        files += !config->credentials.items[i].smbios;
    }
    if (files > FW_CFG_FILES)
        config_problem(config, OPTION,
                       "has %zu credentials with the mechanism \"fw_cfg\", expected at most %d",
                       files, FW_CFG_FILES);
}
