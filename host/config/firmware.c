/* SPDX-License-Identifier: MIT */
#include "host/config/firmware.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "host/config/config.h"
#include "host/config/value.h"

#define PACKAGE "virtualisation.efi.OVMF"

/* Firmware of a platform: Debian's files, and the name that nixpkgs' packages give theirs. Neither
 * template of the variables has keys, so that the firmware starts in setup mode. */
struct firmware {
    const char *cpu;
    const char *code;
    const char *secure_code; /* enforces signatures once there are keys; NULL: there is none */
    const char *variables;
    const char *prefix; /* PACKAGE/FV/PREFIX_CODE.fd */
};

static const struct firmware firmwares[] = {
    {"x86_64", "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd",
     "/usr/share/OVMF/OVMF_VARS_4M.fd", "OVMF"},
    {"i686", NULL, NULL, NULL, "OVMF"},
    {"aarch64", "/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_CODE.fd",
     "/usr/share/AAVMF/AAVMF_VARS.fd", "AAVMF"},
    {"armv7l", "/usr/share/AAVMF/AAVMF32_CODE.fd", NULL, "/usr/share/AAVMF/AAVMF32_VARS.fd",
     "AAVMF"},
    {"riscv64", "/usr/share/qemu-efi-riscv64/RISCV_VIRT_CODE.fd", NULL,
     "/usr/share/qemu-efi-riscv64/RISCV_VIRT_VARS.fd", "RISCV_VIRT"},
};

/* NULL: the platform is unknown. */
static const struct firmware *find(const struct config *config)
{
    const char *cpu = config->platform->cpu;

    for (size_t i = 0; i < ELEMENTS(firmwares); i++)
        if (cpu && streq(firmwares[i].cpu, cpu))
            return &firmwares[i];
    return NULL;
}

/* The file of the package: by the name that the package itself gives, or else by the usual one, of
 * which `part` is the end. NULL: there is no package, or it does not have the file. */
static json_t *in_package(const struct config *config, const char *key, const char *part)
{
    const struct firmware *firmware = find(config);
    json_t *package = config_get(config, PACKAGE);
    const char *file = value_text(package, key);

    if (file)
        return json_string(file);
    if (!json_is_string(package) || !firmware)
        return NULL;
    return json_sprintf("%s/FV/%s_%s.fd", json_string_value(package), firmware->prefix, part);
}

static json_t *string_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

json_t *firmware_default_code(const struct scope *scope)
{
    const struct firmware *firmware = find(scope->config);
    json_t *found = in_package(scope->config, "firmware", "CODE");
    bool secure = config_bool(scope->config, "virtualisation.useSecureBoot");

    if (found || !firmware)
        return found ? found : json_null();
    return string_or_null(secure ? firmware->secure_code : firmware->code);
}

json_t *firmware_default_variables(const struct scope *scope)
{
    const struct firmware *firmware = find(scope->config);
    json_t *found = in_package(scope->config, "variables", "VARS");

    if (found || !firmware)
        return found ? found : json_null();
    return string_or_null(firmware->variables);
}

json_t *firmware_default_keep(const struct scope *scope)
{
    return json_boolean(config_bool(scope->config, "virtualisation.useBootLoader"));
}

/* True for the names that distributions give to firmware with secure boot: OVMF_CODE_4M.secboot.fd,
 * OVMF_CODE_4M.ms.fd, OVMF_CODE.snakeoil.fd, edk2-x86_64-secure-code.fd. */
static bool has_secure_name(const char *path)
{
    static const char *const marks[] = {"secboot", "secure", ".ms.", "snakeoil"};
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;

    for (size_t i = 0; i < ELEMENTS(marks); i++)
        if (strcasestr(name, marks[i]))
            return true;
    return false;
}

bool firmware_lacks_secure_boot(const struct config *config)
{
    const struct firmware *firmware = find(config);
    const char *code = config_text(config, "virtualisation.efi.firmware");

    if (!code || !firmware || !firmware->secure_code ||
        streq(firmware->secure_code, firmware->code))
        return false;
    size_t directory = (size_t)(strrchr(firmware->code, '/') + 1 - firmware->code);
    return !strncmp(code, firmware->code, directory) && !has_secure_name(code);
}

bool firmware_needs_smm(const struct config *config)
{
    const json_t *required =
        json_object_get(config_get(config, PACKAGE), "systemManagementModeRequired");
    const char *code = config_text(config, "virtualisation.efi.firmware");

    if (config->platform->family != FAMILY_X86)
        return false;
    if (json_is_boolean(required))
        return json_is_true(required);
    if (firmware_lacks_secure_boot(config))
        return false;
    return config_bool(config, "virtualisation.useSecureBoot") || (code && has_secure_name(code));
}
