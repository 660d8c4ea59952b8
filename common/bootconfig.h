/* SPDX-License-Identifier: MIT */
/* Bootconfig, which carries the parameters that do not fit the kernel's command line. The host
 * appends a block to the initrd, the guest reads /proc/bootconfig (the kernel's
 * Documentation/admin-guide/bootconfig.rst describes both formats). */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "common/cmdline.h"

/* Longest text that a kernel accepts, in bytes (XBC_DATA_MAX). */
#define BOOTCONFIG_SIZE 32767

/* A copy of the text inside the initrd, for kernels built without bootconfig. */
#define BOOTCONFIG_FILE "/bootconfig"

/* Formats the words as one bootconfig text, repeated names as arrays; the caller frees. Returns
 * NULL with a message if the text is longer than a kernel accepts or a value contains both kinds of
 * quotes. */
char *bootconfig_format(const struct cmdline *line, struct error *e);

/* Makes the block to append to an initrd of `initrd_size` bytes: the text, padding, its size, its
 * checksum, "#BOOTCONFIG\n". Sets `block_size`; the caller frees. */
char *bootconfig_block(const char *text, size_t initrd_size, size_t *block_size);

/* Appends the parameters under "vm." in the text of /proc/bootconfig to `line`. Skips those under
 * "kernel.", which the kernel has already put on its command line. Returns 0, or -EINVAL with a
 * message that names the line. */
int bootconfig_parse(struct cmdline *line, const char *text, struct error *e);
