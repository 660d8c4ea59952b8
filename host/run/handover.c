/* SPDX-License-Identifier: MIT */
#include "host/run/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/units.h"
#include "host/run/sshkey.h"

/* The largest credential that systemd takes. */
#define LARGEST MIB

/* The bytes of SMBIOS strings: with SMBIOS 2.1 QEMU refuses tables of more than 65,535 bytes, and
 * needs some itself, more for a machine with much memory. */
#define SMBIOS_ROOM 60000

/* Encodes as base64; the caller frees. */
static char *encode(const char *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = xcalloc((size + 2) / 3 * 4 + 1, 1);
    char *to = text;
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i < 3 ? size - i : 3;
        uint32_t group = 0;
        for (size_t j = 0; j < 3; j++)
            group = group << 8 | (j < left ? (unsigned char)bytes[i + j] : 0);
        for (size_t j = 0; j < 4; j++)
            *to++ = j <= left ? digits[group >> (18 - 6 * j) & 63] : '=';
    }
    return text;
}

/* Reads the credential; the caller frees. NULL with the reason after a failure. */
static char *read_content(const struct plan_credential *credential, size_t *size, struct error *e)
{
    char *bytes = credential->ssh_key  ? sshkey_read_public(e)
                  : credential->source ? file_read(credential->source, LARGEST, size, e)
                                       : xstrdup(credential->text);
    if (!bytes)
        (void)error_context(e, 0, "%s", credential->option);
    else if (!credential->source)
        *size = strlen(bytes);
    return bytes;
}

static int write_content(int file, const struct plan_credential *credential, const char *content,
                         size_t size)
{
    if (!credential->smbios)
        return file_write(file, content, size);
    char *encoded CLEANUP_FREE = encode(content, size);
    char *string CLEANUP_FREE =
        xasprintf(PLAN_SMBIOS_CREDENTIAL "%s=%s", credential->name, encoded);
    return file_write(file, string, strlen(string));
}

/* Opens the credential's descriptor, on a file in memory with the content. */
static int open_one(const struct plan_credential *credential, const char *content, size_t size,
                    struct error *e)
{
    int file CLEANUP_CLOSE = memfd_create("run-vm-credential", MFD_CLOEXEC);
    int r = file < 0 ? -errno : write_content(file, credential, content, size);
    if (fcntl(credential->fd, F_GETFD) >= 0)
        return error_set(e, -EBUSY,
                         "%s: descriptor %d, through which QEMU would read it, is open: start "
                         "run-vm without it",
                         credential->option, credential->fd);
    if (r == 0 && dup3(file, credential->fd, O_CLOEXEC) < 0)
        r = -errno;
    return r < 0 ? error_errno(e, -r, "%s: cannot be handed to QEMU", credential->option) : 0;
}

int handover_open(const struct plan *plan, struct error *e)
{
    size_t strings = 0;
    for (size_t i = 0; i < plan->credential_count; i++) {
        const struct plan_credential *credential = &plan->credentials[i];
        size_t size = 0;
        char *content CLEANUP_FREE = read_content(credential, &size, e);
        if (!content)
            return -EIO;
        strings += credential->smbios ? plan_credential_string(credential, size) : 0;
        if (strings > SMBIOS_ROOM)
            return error_set(e, -E2BIG,
                             "%s: too large: with this one the credentials in SMBIOS take %zu "
                             "bytes (as base64), expected at most %d; give it the mechanism "
                             "\"fw_cfg\"",
                             credential->option, strings, SMBIOS_ROOM);
        int r = open_one(credential, content, size, e);
        if (r < 0)
            return r;
    }
    return 0;
}

void handover_pass_on(const struct plan *plan)
{
    for (size_t i = 0; i < plan->credential_count; i++)
        (void)fcntl(plan->credentials[i].fd, F_SETFD, 0);
}
