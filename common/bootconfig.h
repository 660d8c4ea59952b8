/* SPDX-License-Identifier: MIT */
/* Bootconfig: where parameters travel that do not fit the kernel's command line. The host appends
 * a block to the initrd, the guest reads /proc/bootconfig (the kernel's
 * Documentation/admin-guide/bootconfig.rst has both formats). */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "common/cmdline.h"

/* The most that a kernel takes, in bytes and in nodes (XBC_DATA_MAX, XBC_NODE_MAX). */
#define BOOTCONFIG_SIZE 32767

/* The same text as a file of the initrd, for kernels that are built without bootconfig. */
#define BOOTCONFIG_FILE "/bootconfig"

/* The words as one bootconfig text, repeated names as arrays; the caller frees. NULL with a message
 * where it would be larger than the kernel takes or a value has both kinds of quotes. */
char *bootconfig_format(const struct cmdline *line, struct error *e);

/* What has to stand behind a text of `size` bytes at the end of an initrd whose size is
 * `initrd_size`: padding, size, checksum, "#BOOTCONFIG\n". Returns the whole block, the text in
 * front; `block_size` is set; the caller frees. */
char *bootconfig_block(const char *text, size_t initrd_size, size_t *block_size);

/* Appends to `line` the parameters that /proc/bootconfig's text holds under "vm." (not those under
 * "kernel.": the kernel has put them on its command line). 0, or -EINVAL with the line. */
int bootconfig_parse(struct cmdline *line, const char *text, struct error *e);
