/* SPDX-License-Identifier: MIT */
/* Any root= is read or refused; devicespec_is_device() accepts each one that is read. */
#include "init/devices/device.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text CLEANUP_FREE = fuzz_text(data, size);
    struct devicespec spec CLEANUP_DEVICESPEC = {0};
    int r = devicespec_parse(text, &spec, NULL);
    must(r < 0 || (devicespec_is_device(text) && *spec.value));
    return 0;
}
