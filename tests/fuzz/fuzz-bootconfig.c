/* SPDX-License-Identifier: MIT */
/* Any /proc/bootconfig is read or refused; parameters written as bootconfig are read back
 * unchanged. */
#include "base/text.h"
#include "common/bootconfig.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text CLEANUP_FREE = fuzz_text(data, size);
    struct cmdline line CLEANUP_CMDLINE = {0};
    struct error e CLEANUP_ERROR = {0};
    int r = bootconfig_parse(&line, text, &e);
    must((r < 0) == (e.message != NULL));
    if (r < 0)
        return 0;

    char *once CLEANUP_FREE = bootconfig_format(&line, NULL);
    if (!once)
        return 0;
    struct cmdline again CLEANUP_CMDLINE = {0};
    must(bootconfig_parse(&again, once, NULL) == 0);
    must(again.count == line.count);
    char *twice CLEANUP_FREE = bootconfig_format(&again, NULL);
    must(twice && streq(once, twice));
    return 0;
}
