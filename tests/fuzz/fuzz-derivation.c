/* SPDX-License-Identifier: MIT */
/* Any derivation is read or refused with a reason. */
#include "init/nix/derivation.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct derivation derivation CLEANUP_DERIVATION = {0};
    struct error e CLEANUP_ERROR = {0};
    int r = derivation_parse((const char *)data, size, "input", &derivation, &e);
    must((r < 0) == (e.message != NULL));
    for (size_t i = 0; r == 0 && i < derivation.output_count; i++)
        must(derivation.outputs[i].id && derivation.outputs[i].path);
    return 0;
}
