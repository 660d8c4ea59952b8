/* SPDX-License-Identifier: MIT */
/* Any boot entry is read; each of its parameters is one word for the kernel, and none names a disk
 * or is our init's. */
#include "base/text.h"
#include "common/cmdline.h"
#include "common/params.h"
#include "host/commands/bootentry.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text CLEANUP_FREE = fuzz_text(data, size);
    struct boot_entry entry CLEANUP_BOOT_ENTRY = {0};

    bootentry_parse(&entry, text);
    must(!entry.kernel || *entry.kernel);
    for (size_t i = 0; i < entry.parameters.count; i++) {
        struct cmdline line CLEANUP_CMDLINE = {0};

        must(*cmdline_parse(&line, entry.parameters.items[i]) == '\0' && line.count == 1);
        must(!streq(line.words[0].name, "root") && !startswith(line.words[0].name, PARAM_PREFIX));
    }
    return 0;
}
